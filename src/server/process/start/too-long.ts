import { readFileSync } from 'node:fs';
import type { ProgramSearch } from '../../../system/find-program.ts';

/**
 * Explains E2BIG: the bytes of the arguments and variables of a program, the longest of them by its name, and the limit.
 * Never a value.
 */
export const describeTooLong = ({ argv, env, platform }: ProgramSearch): string => {
  const strings = [
    ...argv.map(argument => ({ what: 'an argument', bytes: bytesOf(argument) })),
    ...Object.entries(env).map(([name, value]) => ({
      what: `the variable ${name}`,
      bytes: bytesOf(`${name}=${value}`),
    })),
  ];
  const longest = strings.reduce((one, other) => (other.bytes > one.bytes ? other : one));
  if (platform === 'linux' && longest.bytes > MAX_STRING_BYTES)
    return `${longest.what} has ${longest.bytes} bytes; the limit of Linux is ${MAX_STRING_BYTES}`;
  const bytes = strings.reduce((sum, string) => sum + string.bytes + POINTER_BYTES, 0);
  const limit = platform === 'linux' ? totalLimit() : undefined;
  return [
    `arguments and variables have ${bytes} bytes with their pointers`,
    ...(limit === undefined ? [] : [`the limit is ${limit}, a quarter of the stack (ulimit -s)`]),
    `the longest is ${longest.what} with ${longest.bytes} bytes`,
  ].join('; ');
};

/** The bytes of a string with its terminating NUL. */
const bytesOf = (text: string): number => Buffer.byteLength(text) + 1;

/** Longest string that Linux passes to a program, with NUL: 32 pages. */
const MAX_STRING_BYTES = 128 * 1024;

const POINTER_BYTES = 8;

/** The limit of Linux for all strings and their pointers; `undefined` if it is unknown. */
const totalLimit = (): number | undefined => {
  try {
    const [, soft = ''] = /^Max stack size +(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    const stack = soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
    return Number.isNaN(stack) ? undefined : Math.min(MAX_TOTAL_BYTES, Math.max(stack / 4, MAX_STRING_BYTES));
  } catch {
    return undefined;
  }
};

/** Three quarters of the default stack, whatever its limit is. */
const MAX_TOTAL_BYTES = 6 * 1024 * 1024;

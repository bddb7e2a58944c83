import { MIN_MEMORY_BYTES } from './limits.ts';

/** Options of the program as a server. */
export type ServerArgs = {
  readonly memoryBytes?: number | undefined;
  /** True to log each answered request. */
  readonly logCalls?: boolean | undefined;
};

/** Parses the arguments of a server; `undefined` for any other command line, or an invalid size. */
export const serverArgs = (args: readonly string[]): ServerArgs | undefined => {
  const [matched, size, logCalls] = SERVER.exec(args.join(' ')) ?? [];
  if (matched === undefined) return undefined;
  const memoryBytes = size === undefined ? undefined : parseSize(size);
  if (size !== undefined && memoryBytes === undefined) return undefined;
  return { ...(memoryBytes && { memoryBytes }), ...(logCalls && { logCalls: true }) };
};

const SERVER = /^(?:--stdio|--listen stdio)(?: --memory-limit (\S+))?( --log-calls)?$/;

/** Parses a memory limit such as `256M` to bytes; `undefined` if it is invalid or below the minimum. */
export const parseSize = (text: string): number | undefined => {
  const [, number, unit = ''] = /^(\d{1,9})([KMG]?)$/.exec(text) ?? [];
  const bytes = Number(number) * UNITS[unit as keyof typeof UNITS];
  return bytes >= MIN_MEMORY_BYTES ? bytes : undefined;
};

const UNITS = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

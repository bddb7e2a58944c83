import { MIN_MEMORY_BYTES } from './limits.ts';

/** Options of the program as a server. */
export type ServerArgs = { readonly memoryBytes?: number | undefined };

/** Parses the arguments of a server; `undefined` for any other command line, or an invalid size. */
export const serverArgs = (args: readonly string[]): ServerArgs | undefined => {
  const [, size] = SERVER.exec(args.join(' ')) ?? [undefined, 'none'];
  if (size === undefined) return {};
  const memoryBytes = parseSize(size);
  return memoryBytes === undefined ? undefined : { memoryBytes };
};

const SERVER = /^(?:--stdio|--listen stdio)(?: --memory-limit (\S+))?$/;

/** Parses a memory limit such as `256M` to bytes; `undefined` if it is invalid or below the minimum. */
export const parseSize = (text: string): number | undefined => {
  const [, number, unit = ''] = /^(\d{1,9})([KMG]?)$/.exec(text) ?? [];
  const bytes = Number(number) * UNITS[unit as keyof typeof UNITS];
  return bytes >= MIN_MEMORY_BYTES ? bytes : undefined;
};

const UNITS = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

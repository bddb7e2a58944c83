import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { ConfigError } from '../codex-config/index.ts';
import { systemErrorText } from '../system/system-error-text.ts';

/**
 * Reads a text file, pipe or device of at most `maxBytes`, without its byte order mark. A named pipe is read once it has a
 * writer, as by cat(1).
 *
 * @returns `undefined` if it does not exist
 * @throws {ConfigError} if it cannot be read, is longer or is not UTF-8
 */
export const readTextFile = (file: string, maxBytes: number): string | undefined =>
  readText(file, maxBytes, () => openSync(file, 'r'));

/**
 * Reads a file like `readTextFile`, but refuses what is not a regular file without waiting for it: a file that the user
 * did not name must not block the program.
 */
export const readRegularTextFile = (file: string, maxBytes: number): string | undefined =>
  readText(file, maxBytes, () => openRegularSync(file));

/** Reads a text file like `readTextFile`; throws if it does not exist. */
export const readExistingTextFile = (file: string, maxBytes: number): string => {
  const text = readTextFile(file, maxBytes);
  if (text === undefined) throw unreadable(file, 'no such file or directory');
  return text;
};

const readText = (file: string, maxBytes: number, open: () => number): string | undefined => {
  let bytes: Buffer;
  try {
    bytes = readStart(open(), maxBytes + 1);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const failure = error as NodeJS.ErrnoException;
    if (failure.code === 'ENOENT') return undefined;
    throw unreadable(file, systemErrorText(failure));
  }
  if (bytes.length > maxBytes) throw unreadable(file, `it is longer than ${maxBytes} bytes`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw unreadable(file, 'it is not UTF-8');
  }
};

const openRegularSync = (file: string): number => {
  // Does not wait for the writer of a FIFO.
  const descriptor = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  const stats = fstatSync(descriptor);
  // The read of a directory fails with an error of its own.
  if (stats.isFile() || stats.isDirectory()) return descriptor;
  closeSync(descriptor);
  throw unreadable(file, `expected a regular file, found ${kindOf(stats)}`);
};

const kindOf = (stats: Stats): string => (stats.isFIFO() ? 'a FIFO' : 'a device');

const unreadable = (file: string, reason: string): ConfigError =>
  new ConfigError(file, [{ at: undefined, text: `cannot be read: ${reason}` }]);

/** Reads at most `maxBytes` and closes the descriptor. In pieces: the size of a pipe or a device is unknown. */
const readStart = (descriptor: number, maxBytes: number): Buffer => {
  try {
    const bytes = Buffer.alloc(maxBytes);
    let length = 0;
    for (let read = -1; read !== 0 && length < maxBytes; length += read) {
      read = readSync(descriptor, bytes, length, maxBytes - length, null);
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
};

import { closeSync, openSync, readSync } from 'node:fs';
import { getSystemErrorMap } from 'node:util';
import { ConfigError } from '../codex-config/index.ts';

/**
 * Reads a text file, pipe or device of at most `maxBytes`.
 *
 * @returns `undefined` if it does not exist
 * @throws {ConfigError} if it cannot be read, is longer or is not UTF-8
 */
export const readTextFile = (file: string, maxBytes: number): string | undefined => {
  let bytes: Buffer;
  try {
    bytes = readStart(file, maxBytes + 1);
  } catch (error) {
    const { code, errno, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw unreadable(file, getSystemErrorMap().get(errno ?? 0)?.[1] ?? message);
  }
  if (bytes.length > maxBytes) throw unreadable(file, `it is longer than ${maxBytes} bytes`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw unreadable(file, 'it is not UTF-8');
  }
};

/** Reads a text file like `readTextFile`; throws if it does not exist. */
export const readExistingTextFile = (file: string, maxBytes: number): string => {
  const text = readTextFile(file, maxBytes);
  if (text === undefined) throw unreadable(file, 'no such file or directory');
  return text;
};

const unreadable = (file: string, reason: string): ConfigError =>
  new ConfigError(file, [{ at: undefined, text: `cannot be read: ${reason}` }]);

// Reads in pieces: the size of a pipe or a device is unknown.
const readStart = (file: string, maxBytes: number): Buffer => {
  const descriptor = openSync(file, 'r');
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

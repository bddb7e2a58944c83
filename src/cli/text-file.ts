import { closeSync, openSync, readSync } from 'node:fs';
import { getSystemErrorMap } from 'node:util';
import { ConfigError } from '../codex-config/index.ts';

/**
 * Reads a text file of at most `maxBytes`, which may be a pipe or a device.
 *
 * @returns `undefined` if there is none
 * @throws {ConfigError} when it can't be read, is longer or is not UTF-8
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
  if (bytes.length > maxBytes) throw unreadable(file, `it has more than ${maxBytes} bytes`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw unreadable(file, 'it is not UTF-8');
  }
};

/** Reads a text file that has to be there, as `readTextFile` does. */
export const readExistingTextFile = (file: string, maxBytes: number): string => {
  const text = readTextFile(file, maxBytes);
  if (text === undefined) throw unreadable(file, 'no such file or directory');
  return text;
};

const unreadable = (file: string, why: string): ConfigError =>
  new ConfigError(file, [{ at: undefined, text: `can't be read: ${why}` }]);

// In pieces: the size of a pipe or a device is not known.
const readStart = (file: string, most: number): Buffer => {
  const descriptor = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(most);
    let length = 0;
    for (let read = -1; read !== 0 && length < most; length += read) {
      read = readSync(descriptor, bytes, length, most - length, null);
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
};

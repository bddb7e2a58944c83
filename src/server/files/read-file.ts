import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { limitExceeded } from '../../protocol/errors.ts';
import { MAX_BLOCK_BYTES } from '../../protocol/limits.ts';
import { onPath } from './file-errors.ts';
import type { Place } from './place.ts';
import { openRegular } from './regular-file.ts';

/**
 * Reads a whole regular file, also one of /proc, whose size is unknown.
 *
 * @throws {ExecServerError} `limitExceeded` if it is longer than `maxBytes`
 */
export const readWholeFile = async (
  { location, uri, noFollow }: Place,
  maxBytes: number,
): Promise<Buffer> => {
  const handle = await openRegular(location, uri, constants.O_RDONLY | noFollow);
  try {
    return await onPath(uri, () => readToEnd(handle, maxBytes));
  } finally {
    await handle.close();
  }
};

const readToEnd = async (handle: FileHandle, maxBytes: number): Promise<Buffer> => {
  const { size } = await handle.stat();
  if (size > maxBytes) throw tooLong(size, maxBytes);
  // One byte more than the size, so that the last read finds the end.
  let bytes: Buffer = Buffer.allocUnsafe(size + 1);
  let length = 0;
  for (;;) {
    if (length === bytes.length) bytes = larger(bytes, maxBytes + 1);
    const wanted = Math.min(bytes.length - length, MAX_BLOCK_BYTES);
    // No position: some files of /proc can only be read in order.
    const { bytesRead } = await handle.read(bytes, length, wanted, null);
    if (bytesRead === 0) return bytes.subarray(0, length);
    length += bytesRead;
    if (length > maxBytes) throw tooLong(length, maxBytes);
  }
};

const larger = (bytes: Buffer, max: number): Buffer => {
  const enlarged = Buffer.allocUnsafe(Math.min(Math.max(bytes.length * 2, MIN_GROWTH), max));
  bytes.copy(enlarged);
  return enlarged;
};

const MIN_GROWTH = 64 * 1024;

const tooLong = (size: number, maxBytes: number) =>
  limitExceeded('readFileBytes', size, maxBytes, 'read it in blocks, with fs/open and fs/readBlock');

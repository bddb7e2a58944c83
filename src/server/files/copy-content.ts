import type { FileHandle } from 'node:fs/promises';
import { readFully, writeFully } from './blocks.ts';
import { onPath } from './file-errors.ts';

/** An open file, with its URI for errors. */
type Side = { readonly handle: FileHandle; readonly uri: string };

/**
 * Copies the content of a file to an empty one, block by block: copyFile of Node occupies a thread until its end, and
 * copies files of /proc as empty. Holes of a sparse file become holes: blocks of zeros are not written.
 *
 * @param block the buffer for a block
 * @param signal aborts the copy with its reason, between two blocks
 */
export const copyContent = async (
  { from, to }: { readonly from: Side; readonly to: Side },
  block: Buffer,
  signal: AbortSignal,
): Promise<void> => {
  const sparse = await onPath(from.uri, () => isSparse(from.handle));
  const write = sparse ? writeData : writeFully;
  for (let position = 0; ; ) {
    signal.throwIfAborted();
    const length = await onPath(from.uri, () => readFully(from.handle, block, position));
    await onPath(to.uri, () => write(to.handle, block.subarray(0, length), position));
    position += length;
    if (length === block.length) continue;
    // The last part may be a hole.
    if (sparse) await onPath(to.uri, () => to.handle.truncate(position));
    return;
  }
};

/** True if a file occupies less than its length. Others keep their zeros: the space may have been reserved. */
const isSparse = async (handle: FileHandle): Promise<boolean> => {
  const { size, blocks } = await handle.stat();
  return blocks * STAT_BLOCK_BYTES < size;
};

/** The unit of `blocks` in stat(2), whatever the block of the file system. */
const STAT_BLOCK_BYTES = 512;

/** Writes a block except for the parts of it that are zeros. */
const writeData = async (handle: FileHandle, block: Buffer, position: number): Promise<void> => {
  for (let start = 0; start < block.length; ) {
    if (isHole(block, start)) {
      start += HOLE_BYTES;
      continue;
    }
    let end = start;
    while (end < block.length && !isHole(block, end)) end += HOLE_BYTES;
    await writeFully(handle, block.subarray(start, end), position + start);
    start = end;
  }
};

/** The usual block of file systems: the smallest hole. */
const HOLE_BYTES = 4096;

const ZEROS = Buffer.alloc(HOLE_BYTES);

const isHole = (block: Buffer, start: number): boolean => {
  const part = block.subarray(start, start + HOLE_BYTES);
  return part.equals(ZEROS.subarray(0, part.length));
};

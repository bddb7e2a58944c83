import type { FileHandle } from 'node:fs/promises';
import { MAX_BLOCK_BYTES } from '../../protocol/limits.ts';

/**
 * Fills a buffer from a file. Fewer bytes than that means that the file ends there; the system may give fewer before.
 *
 * @returns how many were read
 */
export const readFully = async (handle: FileHandle, bytes: Buffer, position: number): Promise<number> => {
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
};

/** Writes all of it, in blocks: a file operation holds one of few threads while it lasts. */
export const writeFully = async (handle: FileHandle, bytes: Buffer, position: number): Promise<void> => {
  for (let written = 0; written < bytes.length; ) {
    const length = Math.min(bytes.length - written, MAX_BLOCK_BYTES);
    const { bytesWritten } = await handle.write(bytes, written, length, position + written);
    written += bytesWritten;
  }
};

/** A file from its beginning to its end, in blocks. Each is only good until the next is asked for. */
export async function* blocksOf(handle: FileHandle): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafe(MAX_BLOCK_BYTES);
  for (let position = 0; ; ) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

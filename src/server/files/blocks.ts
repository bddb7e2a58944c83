import type { FileHandle } from 'node:fs/promises';
import { MAX_BLOCK_BYTES } from '../../protocol/limits.ts';

/**
 * Reads from a file until the buffer is full or the file ends: one read of the system may return fewer bytes.
 *
 * @returns the number of bytes read
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

/** Writes all bytes, in blocks: each file operation occupies one of the few threads of Node. */
export const writeFully = async (handle: FileHandle, bytes: Buffer, position: number): Promise<void> => {
  for (let written = 0; written < bytes.length; ) {
    const length = Math.min(bytes.length - written, MAX_BLOCK_BYTES);
    const { bytesWritten } = await handle.write(bytes, written, length, position + written);
    written += bytesWritten;
  }
};

/** Reads a file in blocks. Each block is valid until the next one is requested. */
export async function* blocksOf(handle: FileHandle): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafe(MAX_BLOCK_BYTES);
  for (let position = 0; ; ) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

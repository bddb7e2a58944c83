import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { contentMismatch } from '../../protocol/errors.ts';
import { blocksOf } from './blocks.ts';
import { onPath } from './file-errors.ts';

/** The content that a client expects in a file. */
export type Expectation = {
  readonly expectSize?: number | undefined;
  readonly expectSha256?: string | undefined;
};

/**
 * Compares a file with the expected size and hash. For the hash the file is read again, so it covers blocks that were
 * written in any order.
 *
 * @throws {ExecServerError} `contentMismatch`
 */
export const checkContent = (
  handle: FileHandle,
  uri: string,
  { expectSize, expectSha256 }: Expectation,
): Promise<void> =>
  onPath(uri, async () => {
    if (expectSize !== undefined) {
      const { size } = await handle.stat();
      if (size !== expectSize) throw contentMismatch('size', uri, String(expectSize), String(size));
    }
    if (expectSha256 !== undefined) {
      const expected = expectSha256.toLowerCase();
      const found = await sha256Of(handle);
      if (found !== expected) throw contentMismatch('sha256', uri, expected, found);
    }
  });

const sha256Of = async (handle: FileHandle): Promise<string> => {
  const hash = createHash('sha256');
  for await (const block of blocksOf(handle)) hash.update(block);
  return hash.digest('hex');
};

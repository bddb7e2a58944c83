import { constants } from 'node:fs';
import { writeFully } from './blocks.ts';
import { onPath } from './file-errors.ts';
import type { FilePath, FilePaths } from './file-path.ts';
import { empty, openRegular } from './regular-file.ts';
import { Replacement } from './replacement.ts';

/** The options of `fs/writeFile`. */
export type WriteOptions = { readonly atomic: boolean; readonly fileMode?: number | undefined };

/** Creates a regular file or replaces its content. */
export const writeWholeFile = (
  path: FilePath,
  bytes: Buffer,
  { atomic, fileMode }: WriteOptions,
  paths: FilePaths,
): Promise<void> =>
  atomic ? writeAtomically(path, bytes, fileMode, paths) : writeInPlace(path, bytes, fileMode, paths);

const writeInPlace = async (
  path: FilePath,
  bytes: Buffer,
  fileMode: number | undefined,
  paths: FilePaths,
): Promise<void> => {
  const uri = paths.uri(path);
  const handle = await openRegular(path, uri, constants.O_WRONLY | constants.O_CREAT, fileMode);
  try {
    await onPath(uri, async () => {
      await empty(handle, fileMode);
      await writeFully(handle, bytes, 0);
    });
  } finally {
    await handle.close();
  }
};

const writeAtomically = async (
  path: FilePath,
  bytes: Buffer,
  fileMode: number | undefined,
  paths: FilePaths,
): Promise<void> => {
  const replacement = await Replacement.begin(path, fileMode, paths);
  try {
    await onPath(paths.uri(path), () => writeFully(replacement.handle, bytes, 0));
  } catch (error) {
    await replacement.discard();
    throw error;
  }
  await replacement.commit();
};

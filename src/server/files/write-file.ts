import { constants } from 'node:fs';
import { writeFully } from './blocks.ts';
import { onPath } from './file-errors.ts';
import type { FilePaths } from './file-path.ts';
import type { Place } from './place.ts';
import { empty, openRegular } from './regular-file.ts';
import { Replacement } from './replacement.ts';

/** The options of `fs/writeFile`. */
export type WriteOptions = { readonly atomic: boolean; readonly fileMode?: number | undefined };

/** Creates a regular file or replaces its content. */
export const writeWholeFile = (
  place: Place,
  bytes: Buffer,
  { atomic, fileMode }: WriteOptions,
  paths: FilePaths,
): Promise<void> =>
  atomic ? writeAtomically(place, bytes, fileMode, paths) : writeInPlace(place, bytes, fileMode);

const writeInPlace = async (
  { location, uri, noFollow }: Place,
  bytes: Buffer,
  fileMode: number | undefined,
): Promise<void> => {
  const flags = constants.O_WRONLY | constants.O_CREAT | noFollow;
  const handle = await openRegular(location, uri, flags, fileMode);
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
  place: Place,
  bytes: Buffer,
  fileMode: number | undefined,
  paths: FilePaths,
): Promise<void> => {
  const replacement = await Replacement.begin(place, fileMode, paths);
  try {
    await onPath(place.uri, () => writeFully(replacement.handle, bytes, 0));
  } catch (error) {
    await replacement.discard();
    throw error;
  }
  await replacement.commit();
};

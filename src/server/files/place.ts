import { constants } from 'node:fs';
import { lstat, mkdir } from 'node:fs/promises';
import { fileRefused, unsupported } from '../../protocol/errors.ts';
import { hasDescriptorPaths } from '../../system/descriptor-path.ts';
import { isNotFound, isSystemError, onPath } from './file-errors.ts';
import type { FilePath, FilePaths } from './file-path.ts';
import { HeldDirectory } from './held-directory.ts';

/** A path of a request, and a location at which the system finds it. */
export type Place = {
  readonly path: FilePath;
  /** For errors. */
  readonly uri: string;
  readonly location: FilePath;
  /** A flag of open(2): O_NOFOLLOW if the place must not be a link, otherwise 0. */
  readonly noFollow: number;
};

/** The place of a path in which links are followed. */
export const followed = (path: FilePath, paths: FilePaths): Place => ({
  path,
  uri: paths.uri(path),
  location: path,
  noFollow: 0,
});

/** The error for a symbolic link at a place that must not be one. */
export const linkRefused = (uri: string) =>
  fileRefused('symlink', uri, 'it is a symbolic link, which followSymlinks: false refuses');

type PlaceOptions = {
  /** False to refuse links in the path, and a path that is a link. */
  readonly followSymlinks: boolean | undefined;
  readonly createParents?: boolean;
};

/**
 * Calls `act` with the place of a path. Without links each directory is opened in the one above it, so that a link that
 * takes the place of one later has no effect; the location leads through the last of them, until `act` has ended.
 *
 * @throws {ExecServerError} `fileRefused` for a link, `unsupported` without /proc of Linux, `fileNotFound`, `fileError`
 */
export const atPlace = async <Result>(
  path: FilePath,
  { followSymlinks, createParents = false }: PlaceOptions,
  paths: FilePaths,
  act: (place: Place) => Promise<Result>,
): Promise<Result> => {
  if (followSymlinks !== false) return act(followed(path, paths));
  if (!hasDescriptorPaths()) {
    throw unsupported(
      'followSymlinks',
      'links in a path are always followed here: refusing them needs Linux with /proc',
    );
  }
  const uri = paths.uri(path);
  return onPath(uri, async () => {
    const directory = await enterParents(path, createParents, paths);
    try {
      const name = paths.name(path);
      const location = name.length === 0 ? path : directory.child(name);
      await assertNoLink(location, path, paths);
      return await act({ path, uri, location, noFollow: constants.O_NOFOLLOW });
    } finally {
      await directory.close();
    }
  });
};

/** Opens the directory that contains a path, from the root down. */
const enterParents = async (path: FilePath, create: boolean, paths: FilePaths): Promise<HeldDirectory> => {
  const above = directoriesAbove(path, paths);
  let directory = await HeldDirectory.open(above[0] ?? path, paths);
  for (const next of above.slice(1)) {
    const outer = directory;
    try {
      directory = await enter(outer, next, create, paths);
    } finally {
      await outer.close();
    }
  }
  return directory;
};

/** The directories above a path, from the root. */
const directoriesAbove = (path: FilePath, paths: FilePaths): FilePath[] => {
  const above: FilePath[] = [];
  for (let at = path; paths.name(at).length > 0; ) {
    at = paths.parent(at);
    above.unshift(at);
  }
  return above;
};

const enter = async (
  directory: HeldDirectory,
  path: FilePath,
  create: boolean,
  paths: FilePaths,
): Promise<HeldDirectory> => {
  const name = paths.name(path);
  try {
    return await directory.enter(name);
  } catch (error) {
    if (create && isNotFound(error)) {
      await createIfMissing(directory.child(name));
      return enter(directory, path, false, paths);
    }
    if (isSystemError(error) && error.code === 'ENOTDIR') {
      await assertNoLink(directory.child(name), path, paths);
    }
    throw error;
  }
};

const createIfMissing = async (location: FilePath): Promise<void> => {
  try {
    await mkdir(location);
  } catch (error) {
    // Another process may have created it first.
    if (!isSystemError(error) || error.code !== 'EEXIST') throw error;
  }
};

const assertNoLink = async (location: FilePath, path: FilePath, paths: FilePaths): Promise<void> => {
  const isLink = await lstat(location).then(
    stats => stats.isSymbolicLink(),
    () => false,
  );
  if (isLink) throw linkRefused(paths.uri(path));
};

import { lstat, mkdir, stat } from 'node:fs/promises';
import { isNotFound, onPath } from './file-errors.ts';
import type { FilePath, FilePaths } from './file-path.ts';
import type { Place } from './place.ts';

/**
 * Creates a directory. With `recursive` it creates missing parents, and an existing directory is no error. The parents of a
 * place without links exist already.
 *
 * @throws {ExecServerError} `fileNotFound`, `permissionDenied`, `fileError`
 */
export const createDirectory = (
  { location, uri, noFollow }: Place,
  recursive: boolean,
  paths: FilePaths,
): Promise<void> =>
  onPath(uri, async () => {
    if (!recursive) await mkdir(location);
    else if (noFollow) await createUnlessDirectory(location);
    else await createWithParents(location, paths);
  });

/** Creates a directory; a link is not accepted as one. */
const createUnlessDirectory = async (location: FilePath): Promise<void> => {
  try {
    await mkdir(location);
  } catch (error) {
    if (!(await lstat(location)).isDirectory()) throw error;
  }
};

// The recursive mkdir of Node never returns where the system fails with ENOENT for every new directory, as in /proc.
const createWithParents = async (path: FilePath, paths: FilePaths): Promise<void> => {
  try {
    await mkdir(path);
    return;
  } catch (error) {
    if (await isDirectory(path)) return;
    if (!isNotFound(error) || paths.name(path).length === 0) throw error;
  }
  await createWithParents(paths.parent(path), paths);
  try {
    await mkdir(path);
  } catch (error) {
    // Another process may have created it first.
    if (!(await isDirectory(path))) throw error;
  }
};

/** Returns true for a directory or a symbolic link to one. */
export const isDirectory = async (path: FilePath): Promise<boolean> => {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
};

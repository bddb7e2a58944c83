import { mkdir, stat } from 'node:fs/promises';
import { isNotFound, onPath } from './file-errors.ts';
import type { FilePath, FilePaths } from './file-path.ts';

/**
 * Creates a directory; with `recursive` also what is missing above it, and one that is there is fine.
 *
 * @throws {ExecServerError} `fileNotFound`, `permissionDenied`, `fileError`
 */
export const createDirectory = (path: FilePath, recursive: boolean, paths: FilePaths): Promise<void> =>
  onPath(paths.uri(path), async () => {
    if (recursive) await createWithParents(path, paths);
    else await mkdir(path);
  });

// Not by Node's own: that tries for ever where the system says of what it won't make that it isn't there, as in /proc.
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
    // Somebody else was faster.
    if (!(await isDirectory(path))) throw error;
  }
};

/** Whether there is a directory, or a link to one. */
export const isDirectory = async (path: FilePath): Promise<boolean> => {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
};

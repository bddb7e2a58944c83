import { lstat, rmdir, unlink } from 'node:fs/promises';
import { fileRefused } from '../../protocol/errors.ts';
import { isNotFound, onPath } from './file-errors.ts';
import type { FilePath } from './file-path.ts';
import type { Place } from './place.ts';
import { type RemoveContext, removeTree } from './remove-tree.ts';

/** The options of `fs/remove`. */
export type RemoveOptions = { readonly recursive: boolean; readonly force: boolean };

/**
 * Removes a file, a symbolic link (not its target) or a directory.
 *
 * @throws {ExecServerError} `fileRefused` for a root; `fileNotFound` without `force`; `permissionDenied` or `fileError`,
 *   after which a part of a tree may be gone
 */
export const remove = (
  { path, uri, location }: Place,
  { recursive, force }: RemoveOptions,
  context: RemoveContext,
): Promise<void> => {
  const { paths } = context;
  return onPath(uri, async () => {
    if (paths.name(path).length === 0) throw fileRefused('root', uri, 'a root directory cannot be removed');
    const isDirectory = await lstatIsDirectory(location, force);
    if (isDirectory === undefined) return;
    if (!isDirectory) await unlink(location);
    else if (recursive) await removeTree(location, path, context);
    else await rmdir(location);
  });
};

/** Returns `undefined` for a missing path with `force`. */
const lstatIsDirectory = async (path: FilePath, force: boolean): Promise<boolean | undefined> => {
  try {
    return (await lstat(path)).isDirectory();
  } catch (error) {
    if (force && isNotFound(error)) return undefined;
    throw error;
  }
};

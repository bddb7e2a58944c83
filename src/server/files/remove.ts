import { lstat, rmdir, unlink } from 'node:fs/promises';
import { fileRefused } from '../../protocol/errors.ts';
import { asFileError, isNotFound, isSystemError, onPath } from './file-errors.ts';
import type { FilePath, FilePaths } from './file-path.ts';
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
  path: FilePath,
  { recursive, force }: RemoveOptions,
  context: RemoveContext,
): Promise<void> => {
  const { paths } = context;
  const uri = paths.uri(path);
  return onPath(uri, async () => {
    if (paths.name(path).length === 0) throw fileRefused('root', uri, 'a root directory cannot be removed');
    const isDirectory = await lstatIsDirectory(path, force);
    if (isDirectory === undefined) return;
    if (!isDirectory) await unlink(path);
    else if (recursive) await removeTree(path, context).catch(error => rethrow(error, paths));
    else await rmdir(path);
  });
};

/** Names the entry that could not be removed, if its name is UTF-8. */
const rethrow = (error: unknown, paths: FilePaths): never => {
  const path = isSystemError(error) ? error.path : undefined;
  throw path === undefined || path.includes(REPLACEMENT_CHARACTER)
    ? error
    : asFileError(paths.uri(path), error);
};

const REPLACEMENT_CHARACTER = '\ufffd';

/** Returns `undefined` for a missing path with `force`. */
const lstatIsDirectory = async (path: FilePath, force: boolean): Promise<boolean | undefined> => {
  try {
    return (await lstat(path)).isDirectory();
  } catch (error) {
    if (force && isNotFound(error)) return undefined;
    throw error;
  }
};

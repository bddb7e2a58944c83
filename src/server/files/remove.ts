import { lstat, rmdir, unlink } from 'node:fs/promises';
import { fileRefused } from '../../protocol/errors.ts';
import { asFileError, isNotFound, isSystemError, onPath } from './file-errors.ts';
import type { FilePath, FilePaths } from './file-path.ts';
import { type RemoveContext, removeTree } from './remove-tree.ts';

/** How to remove something. */
export type RemoveOptions = { readonly recursive: boolean; readonly force: boolean };

/**
 * Removes a file, a link (never what it leads to) or a directory.
 *
 * @throws {ExecServerError} `fileRefused` for a root; `fileNotFound` without `force`; `permissionDenied`, `fileError`:
 * then something in it may be gone
 */
export const remove = (
  path: FilePath,
  { recursive, force }: RemoveOptions,
  context: RemoveContext,
): Promise<void> => {
  const { paths } = context;
  const uri = paths.uri(path);
  return onPath(uri, async () => {
    if (paths.name(path).length === 0) throw fileRefused('root', uri, 'a root is never removed');
    const isDirectory = await isDirectoryItself(path, force);
    if (isDirectory === undefined) return;
    if (!isDirectory) await unlink(path);
    else if (recursive) await removeTree(path, context).catch(error => rethrow(error, paths));
    else await rmdir(path);
  });
};

/** Tells of what in the directory could not be removed, where its name is known exactly. */
const rethrow = (error: unknown, paths: FilePaths): never => {
  const path = isSystemError(error) ? error.path : undefined;
  throw path === undefined || path.includes(REPLACEMENT_CHARACTER)
    ? error
    : asFileError(paths.uri(path), error);
};

const REPLACEMENT_CHARACTER = '\ufffd';

/** `undefined` where nothing is, if that is as good. */
const isDirectoryItself = async (path: FilePath, force: boolean): Promise<boolean | undefined> => {
  try {
    return (await lstat(path)).isDirectory();
  } catch (error) {
    if (force && isNotFound(error)) return undefined;
    throw error;
  }
};

import { rmdir, unlink } from 'node:fs/promises';
import { isNotFound, isSystemError } from './file-errors.ts';
import type { FilePath, FilePaths } from './file-path.ts';
import { readEntries } from './list-directory.ts';

/** Where a tree is removed, and what ends that. */
export type RemoveContext = {
  readonly paths: FilePaths;
  /** Ends the removal with its reason, between two entries. */
  readonly signal: AbortSignal;
};

/**
 * Removes a directory with all that is in it; links in it are removed, not followed. What another process removes in the
 * meantime counts as removed. It holds some hundred names at a time, however many there are: `rm` of Node takes all.
 */
export const removeTree = async (directory: FilePath, context: RemoveContext): Promise<void> => {
  // An empty directory need not be readable. One that is removed from while it is read may hide entries.
  while (!(await removeEmpty(directory))) await removeSome(directory, context);
};

/** Removes a directory if it is empty; tells whether it is gone. */
const removeEmpty = async (directory: FilePath): Promise<boolean> => {
  try {
    await rmdir(directory);
    return true;
  } catch (error) {
    if (isNotFound(error)) return true;
    if (isSystemError(error) && NOT_EMPTY.has(error.code)) return false;
    throw error;
  }
};

// Systems differ.
const NOT_EMPTY: ReadonlySet<string> = new Set(['ENOTEMPTY', 'EEXIST']);

const removeSome = async (directory: FilePath, context: RemoveContext): Promise<void> => {
  const { files, directories } = await someIn(directory, context.paths);
  for (let at = 0; at < files.length; at += FILES_AT_ONCE) {
    context.signal.throwIfAborted();
    await Promise.all(files.slice(at, at + FILES_AT_ONCE).map(unlinkIfThere));
  }
  for (const path of directories) {
    context.signal.throwIfAborted();
    await removeTree(path, context);
  }
};

const someIn = async (
  directory: FilePath,
  paths: FilePaths,
): Promise<{ readonly files: FilePath[]; readonly directories: FilePath[] }> => {
  const [files, directories]: [FilePath[], FilePath[]] = [[], []];
  for await (const { name, kind } of readEntries(directory, paths)) {
    (kind === 'directory' ? directories : files).push(paths.child(directory, name));
    if (files.length + directories.length === NAMES_HELD) break;
  }
  return { files, directories };
};

const unlinkIfThere = async (path: FilePath): Promise<void> => {
  try {
    await unlink(path);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
};

const NAMES_HELD = 512;

/** As many as threads of Node do file work. */
const FILES_AT_ONCE = 4;

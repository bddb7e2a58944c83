import { rmdir, unlink } from 'node:fs/promises';
import { isNotFound, isSystemError } from './file-errors.ts';
import type { FilePath, FilePaths } from './file-path.ts';
import { readEntries } from './list-directory.ts';

/** The context of a removal. */
export type RemoveContext = {
  readonly paths: FilePaths;
  /** Aborts the removal with its reason, between two entries. */
  readonly signal: AbortSignal;
};

/**
 * Removes a directory with its content; links in it are removed, not followed. Entries that another process removes in
 * the meantime count as removed. At most `NAMES_HELD` names are in memory: `rm` of Node lists whole directories.
 */
export const removeTree = async (directory: FilePath, context: RemoveContext): Promise<void> => {
  // An empty directory need not be readable. A read may miss entries while others are removed.
  while (!(await removeEmpty(directory))) await removeSome(directory, context);
};

/** Removes a directory if it is empty. Returns true if it is gone. */
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

// Some systems report EEXIST.
const NOT_EMPTY: ReadonlySet<string> = new Set(['ENOTEMPTY', 'EEXIST']);

const removeSome = async (directory: FilePath, context: RemoveContext): Promise<void> => {
  const { files, directories } = await someEntries(directory, context.paths);
  for (let at = 0; at < files.length; at += CONCURRENT_UNLINKS) {
    context.signal.throwIfAborted();
    await Promise.all(files.slice(at, at + CONCURRENT_UNLINKS).map(unlinkIfThere));
  }
  for (const path of directories) {
    context.signal.throwIfAborted();
    await removeTree(path, context);
  }
};

const someEntries = async (
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

/** The number of threads of Node for file operations. */
const CONCURRENT_UNLINKS = 4;

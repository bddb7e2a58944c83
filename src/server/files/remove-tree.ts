import { rmdir, unlink } from 'node:fs/promises';
import { isNotFound, isSystemError } from './file-errors.ts';
import type { FilePath, FilePaths } from './file-path.ts';
import { readEntries } from './list-directory.ts';
import { Trail } from './trail.ts';

/** The context of a removal. */
export type RemoveContext = {
  readonly paths: FilePaths;
  /** Aborts the removal with its reason, between two entries. */
  readonly signal: AbortSignal;
};

/**
 * Removes a directory with its content; links in it are removed, not followed. On Linux with /proc this also holds for a
 * directory that is replaced by a link in the meantime. Entries that another process removes count as removed. At most
 * `NAMES_HELD` names of a directory are in memory: `rm` of Node lists whole directories.
 *
 * @param location a path of the directory, which may lead through a descriptor
 * @param path its path for errors
 * @throws {ExecServerError} with the path of the entry that could not be removed
 */
export const removeTree = async (
  location: FilePath,
  path: FilePath,
  context: RemoveContext,
): Promise<void> => {
  const { paths } = context;
  const trail = await Trail.from(paths.parent(location), paths.parent(path), paths);
  try {
    await removeDirectory(paths.name(path), trail, context);
  } finally {
    await trail.close();
  }
};

const removeDirectory = async (name: Buffer, trail: Trail, context: RemoveContext): Promise<void> => {
  // An empty directory need not be readable. A read may miss entries while others are removed.
  while (!(await removeIfEmpty(name, trail))) {
    context.signal.throwIfAborted();
    if (!(await trail.enter(name))) continue;
    await removeSome(trail, context);
    await trail.leave();
  }
};

/** Removes a directory if it is empty, or what has taken its place. Returns true if it is gone. */
const removeIfEmpty = (name: Buffer, trail: Trail): Promise<boolean> =>
  trail.at(name, async location => {
    try {
      await rmdir(location);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      if (NOT_EMPTY.has(error.code)) return false;
      if (error.code === 'ENOTDIR') await unlinkIfThere(location);
      else if (error.code !== 'ENOENT') throw error;
    }
    return true;
  });

// Some systems report EEXIST.
const NOT_EMPTY: ReadonlySet<string> = new Set(['ENOTEMPTY', 'EEXIST']);

const removeSome = async (trail: Trail, context: RemoveContext): Promise<void> => {
  const { files, directories } = await trail.here(directory => someEntries(directory, context.paths));
  for (let at = 0; at < files.length; at += CONCURRENT_UNLINKS) {
    context.signal.throwIfAborted();
    await Promise.all(files.slice(at, at + CONCURRENT_UNLINKS).map(name => trail.at(name, unlinkIfThere)));
  }
  for (const name of directories) await removeDirectory(name, trail, context);
};

const unlinkIfThere = async (location: FilePath): Promise<void> => {
  try {
    await unlink(location);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
};

const someEntries = async (
  directory: FilePath,
  paths: FilePaths,
): Promise<{ readonly files: Buffer[]; readonly directories: Buffer[] }> => {
  const [files, directories]: [Buffer[], Buffer[]] = [[], []];
  for await (const { name, kind } of readEntries(directory, paths)) {
    (kind === 'directory' ? directories : files).push(name);
    if (files.length + directories.length === NAMES_HELD) break;
  }
  return { files, directories };
};

const NAMES_HELD = 512;

/** The number of threads of Node for file operations. */
const CONCURRENT_UNLINKS = 4;

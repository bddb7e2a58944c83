import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, stat } from 'node:fs/promises';
import { fileRefused } from '../../protocol/errors.ts';
import { isNotFound, onPath } from './file-errors.ts';
import type { FilePath } from './file-path.ts';

/**
 * Opens a regular file. Anything else is refused without being opened: a FIFO or a device could block one of the few
 * threads of Node until another process opens the other end.
 *
 * @param flags as for `open(2)`
 * @param mode the permission bits of a file that is created, before the umask
 * @throws {ExecServerError} `fileRefused`, `fileNotFound`, `fileError`
 */
export const openRegular = (path: FilePath, uri: string, flags: number, mode?: number): Promise<FileHandle> =>
  onPath(uri, async () => {
    const writing = (flags & (constants.O_WRONLY | constants.O_RDWR)) !== 0;
    const links = (flags & NO_FOLLOW) === 0 ? stat : lstat;
    assertRegular(await ifExists(links(path)), uri, writing);
    // Some regular files of /proc and /sys block; with O_NONBLOCK they fail with EAGAIN.
    const handle = await open(path, flags | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0), mode);
    try {
      // The path may have been replaced.
      assertRegular(await handle.stat(), uri, writing);
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  });

/** Not on Windows. */
export const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;

/**
 * Truncates an open file, and sets its permission bits if given. The old and the new content are never accessible to
 * more users than intended. If the bits cannot be changed, the file is unchanged.
 */
export const empty = async (handle: FileHandle, mode: number | undefined): Promise<void> => {
  if (mode === undefined) {
    await handle.truncate(0);
    return;
  }
  const { mode: before } = await handle.stat();
  await handle.chmod(before & mode);
  await handle.truncate(0);
  await handle.chmod(mode);
};

/** Returns the stats of a path, links followed, or `undefined` if it does not exist. */
export const statIfExists = (path: FilePath): Promise<Stats | undefined> => ifExists(stat(path));

const ifExists = async (stats: Promise<Stats>): Promise<Stats | undefined> => {
  try {
    return await stats;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
};

// To write a directory fails with EISDIR of the system.
const assertRegular = (stats: Stats | undefined, uri: string, writing: boolean): void => {
  if (stats === undefined || stats.isFile() || (writing && stats.isDirectory())) return;
  throw notAFile(uri, stats);
};

/** The error for a path that is not a regular file. */
export const notAFile = (uri: string, stats: Stats) =>
  fileRefused('notAFile', uri, `expected a regular file, found ${kindOf(stats)}`);

/** The kind of a file, for error messages. */
export const kindOf = (stats: Stats): string => {
  if (stats.isDirectory()) return 'a directory';
  if (stats.isFIFO()) return 'a FIFO';
  if (stats.isSocket()) return 'a socket';
  if (stats.isSymbolicLink()) return 'a symbolic link';
  return stats.isCharacterDevice() || stats.isBlockDevice() ? 'a device' : 'an unknown file type';
};

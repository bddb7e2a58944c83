import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { fileRefused } from '../../protocol/errors.ts';
import { isNotFound, onPath } from './file-errors.ts';
import type { FilePath } from './file-path.ts';

/**
 * Opens a regular file. Anything else is refused unopened: a FIFO or a device would make its caller wait for whoever
 * is at its other end, and with it one of the few threads that do all file work.
 *
 * @param flags how, as for `open(2)`
 * @param mode the permission bits of a file that is created, before the umask
 * @throws {ExecServerError} `fileRefused`, `fileNotFound`, `fileError`
 */
export const openRegular = (path: FilePath, uri: string, flags: number, mode?: number): Promise<FileHandle> =>
  onPath(uri, async () => {
    const writing = (flags & (constants.O_WRONLY | constants.O_RDWR)) !== 0;
    refuseSpecial(await statIfExists(path), uri, writing);
    // Some regular files of /proc and /sys wait, too: so they say EAGAIN.
    const handle = await open(path, flags | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0), mode);
    try {
      // It may be another one by now.
      refuseSpecial(await handle.stat(), uri, writing);
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  });

/**
 * Empties an open file, and gives it permission bits if there are any to give. What it held and what it will hold are
 * at no time open to more than they are meant to be; and if the bits can't be changed, nothing has.
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

/** What is at a path, links followed; `undefined` where nothing is. */
export const statIfExists = async (path: FilePath): Promise<Stats | undefined> => {
  try {
    return await stat(path);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
};

// Of a directory that is to be written the system has its own, well-known error.
const refuseSpecial = (stats: Stats | undefined, uri: string, writing: boolean): void => {
  if (stats === undefined || stats.isFile() || (writing && stats.isDirectory())) return;
  throw notAFile(uri, stats);
};

/** That something is no regular file, and what it is. */
export const notAFile = (uri: string, stats: Stats) =>
  fileRefused('notAFile', uri, `expected a regular file, found ${kindOf(stats)}`);

/** What something is, for people. */
export const kindOf = (stats: Stats): string => {
  if (stats.isDirectory()) return 'a directory';
  if (stats.isFIFO()) return 'a FIFO';
  if (stats.isSocket()) return 'a socket';
  return stats.isCharacterDevice() || stats.isBlockDevice() ? 'a device' : 'something else';
};

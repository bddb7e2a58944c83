import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';
import { O_PATH } from './descriptor-path.ts';

/** The identity of a file as long as it exists: its device and inode. */
export type FileId = { readonly dev: bigint; readonly ino: bigint };

/**
 * A file that may be searched for in order to end the processes that have it open: until it is released, no other file
 * gets its device and inode.
 */
export type PinnedFile = FileId & {
  /** Its name as `readlink /proc/PID/fd/N` shows it. Names are reused and may be the same elsewhere: it narrows a search down. */
  readonly path: string;
  release(): void;
};

/**
 * Pins a file by a descriptor that is neither a reader nor a writer of it. Linux only.
 *
 * @returns `undefined` where there is none, or no descriptor left
 */
export const pinFile = (path: string): PinnedFile | undefined => pinOpened(path, O_PATH);

/**
 * Pins a terminal by its own side, which keeps its number from the next terminal; to be called while the other side is
 * open here. Linux only: elsewhere nothing is searched for, and the last one to close a terminal waits for its reader.
 *
 * @returns `undefined` where that isn't possible
 */
export const pinTerminal = (path: string): PinnedFile | undefined =>
  process.platform === 'linux' ? pinOpened(path, constants.O_RDWR | constants.O_NOCTTY) : undefined;

/** Returns the identity of the file at a path, links followed; `undefined` if there is none. */
export const fileId = (path: string): FileId | undefined => {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return { dev, ino };
  } catch {
    return undefined;
  }
};

export const releaseAll = (files: Iterable<PinnedFile>): void => {
  for (const file of files) file.release();
};

const pinOpened = (path: string, flags: number): PinnedFile | undefined => {
  try {
    const fd = openSync(path, flags);
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return { path, dev, ino, release: () => closeSync(fd) };
  } catch {
    return undefined;
  }
};

import { closeSync, constants, fstatSync, openSync, readlinkSync } from 'node:fs';
import { launchFailed } from '../../protocol/errors.ts';

/** A file or directory that is held open, so that another one in its place is not taken for it. */
export type HeldPath = {
  readonly path: string;
  /** Open for reference only: nothing can be read or written by it. */
  readonly descriptor: number;
  readonly isDirectory: boolean;
  /** Device and inode, which no other file has while this one is held. */
  readonly identity: string;
};

/**
 * Opens places by paths without symbolic links. A path that leads elsewhere when it is opened, because a directory on
 * the way has been replaced by a link since it was looked up, is refused: the kernel reports where the opened file is.
 *
 * @throws {ExecServerError} `launchFailed` at stage `sandbox`
 */
export const holdPaths = (paths: readonly string[]): HeldPath[] => {
  const held: HeldPath[] = [];
  try {
    for (const path of paths) held.push(hold(path));
    return held;
  } catch (error) {
    releasePaths(held);
    throw error;
  }
};

/** Closes what is held. */
export const releasePaths = (held: readonly HeldPath[]): void => {
  for (const { descriptor } of held) closeSync(descriptor);
};

const hold = (path: string): HeldPath => {
  const descriptor = open(path);
  try {
    const stats = fstatSync(descriptor, { bigint: true });
    if (stats.isSymbolicLink() || !isAt(path, descriptor)) {
      throw cannotHold(path, 'ELOOP', 'it was replaced while the sandbox was being prepared');
    }
    return { path, descriptor, isDirectory: stats.isDirectory(), identity: `${stats.dev}:${stats.ino}` };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
};

/** Compares bytes, so that no two paths are the same only as text. */
const isAt = (path: string, descriptor: number): boolean =>
  readlinkSync(`/proc/self/fd/${descriptor}`, 'buffer').equals(Buffer.from(path));

const open = (path: string): number => {
  try {
    return openSync(path, O_PATH | constants.O_NOFOLLOW);
  } catch (error) {
    const { code = 'UNKNOWN' } = error as NodeJS.ErrnoException;
    throw cannotHold(path, code, `it cannot be opened (${code})`);
  }
};

/** The same on all architectures that Node runs on with Linux; `node:fs` does not name it. */
const O_PATH = 0o10000000;

const cannotHold = (path: string, errno: string, problem: string) =>
  launchFailed(`the sandbox cannot include ${path}: ${problem}`, { stage: 'sandbox', errno, path });

import { closeSync, constants, fstatSync, openSync, readlinkSync } from 'node:fs';
import { launchFailed } from '../../protocol/errors.ts';
import { descriptorPath, O_PATH } from '../../system/descriptor-path.ts';

/** A file or directory that is held open, so that one that replaces it is recognised. */
export type HeldPath = {
  readonly path: string;
  /** A descriptor opened with O_PATH: it refers to the file but cannot read or write it. */
  readonly descriptor: number;
  readonly isDirectory: boolean;
  /** Device and inode, which no other file has while this one is held open. */
  readonly identity: string;
};

/**
 * Opens paths that have no symbolic links in them. A path that leads elsewhere, because a directory on the way has been
 * replaced by a link since it was resolved, is refused: the kernel reports the path of the opened file.
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

/** Closes the descriptors. */
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

/** Compares bytes: paths that are not UTF-8 can be equal as text. */
const isAt = (path: string, descriptor: number): boolean =>
  readlinkSync(descriptorPath(descriptor), 'buffer').equals(Buffer.from(path));

const open = (path: string): number => {
  try {
    return openSync(path, O_PATH | constants.O_NOFOLLOW);
  } catch (error) {
    const { code = 'UNKNOWN' } = error as NodeJS.ErrnoException;
    throw cannotHold(path, code, `it cannot be opened (${code})`);
  }
};

const cannotHold = (path: string, errno: string, problem: string) =>
  launchFailed(`the sandbox cannot include ${path}: ${problem}`, { stage: 'sandbox', errno, path });

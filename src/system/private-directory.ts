import { chmodSync, lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Creates a directory that only this user can enter, if it does not exist, and checks it: its owner and mode, and that no
 * other user can replace it or a directory above it.
 *
 * @returns its real path
 * @throws {Error} with the reason
 */
export const privateDirectory = (path: string): string => {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const directory = realpathSync(path);
  const { uid, mode } = lstatSync(directory);
  if (uid !== process.getuid?.()) throw new Error(`${directory} belongs to another user`);
  if ((mode & 0o077) !== 0) chmodSync(directory, 0o700);
  for (
    let parent = dirname(directory), child = directory;
    parent !== child;
    [child, parent] = [parent, dirname(parent)]
  )
    assertSafe(parent);
  return directory;
};

/** A directory that others can write to is safe if it is sticky: they cannot rename what is not theirs. */
const assertSafe = (directory: string): void => {
  const { uid, mode } = lstatSync(directory);
  if (uid !== 0 && uid !== process.getuid?.()) throw new Error(`${directory} belongs to another user`);
  if ((mode & 0o022) !== 0 && (mode & 0o1000) === 0) throw new Error(`other users can write to ${directory}`);
};

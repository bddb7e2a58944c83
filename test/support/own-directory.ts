import { lstatSync, mkdtempSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { skipUnavailable } from './skip-unavailable.ts';

/**
 * Creates a directory that only this user and root can write to, as is true of every directory above it. Without a
 * suitable parent it skips the test with a line on stderr, or fails on CI.
 */
export const makeOwnDirectory = (test: Mocha.Context): string => {
  const parent = [join(import.meta.dirname, '../..'), homedir(), '/var/lib'].find(isPrivate);
  if (parent !== undefined && process.platform !== 'win32')
    return realpathSync(mkdtempSync(join(parent, 'dist.test-')));
  return skipUnavailable(test, 'other users can write to the project directory, or to one above it');
};

const isPrivate = (directory: string): boolean => {
  const found = lstatSync(directory, { throwIfNoEntry: false });
  if (!found?.isDirectory() || (found.mode & 0o022) !== 0) return false;
  if (![0, process.getuid?.()].includes(found.uid)) return false;
  return directory === dirname(directory) || isPrivate(dirname(directory));
};

import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { homeDirectory } from '../../../system/home-directory.ts';

/** The side of the client. */
export type ClientFiles = {
  /** Directory of downloaded and packed files. */
  readonly cacheDirectory: string;
  /** The variables for npm. */
  readonly env: NodeJS.ProcessEnv;
};

/** Returns the default directory of what this side sends to hosts: `exec-server-client` in the user's cache directory. */
export const defaultCache = (env: NodeJS.ProcessEnv): string => {
  const home = homeDirectory() ?? '/nonexistent';
  const cache =
    process.platform === 'win32'
      ? (env.LOCALAPPDATA ?? join(home, 'AppData', 'Local'))
      : process.platform === 'darwin'
        ? join(home, 'Library', 'Caches')
        : (env.XDG_CACHE_HOME ?? join(home, '.cache'));
  return join(cache, 'exec-server-client');
};

/**
 * Makes a directory of the cache with the content that `make` puts into it, completely or not at all. Two processes may
 * make it concurrently: the first one counts.
 */
export const makeOnce = async (directory: string, make: (made: string) => Promise<void>): Promise<void> => {
  const parent = join(directory, '..');
  await mkdir(parent, { recursive: true, mode: 0o700 });
  const made = await mkdtemp(join(parent, '.new-'));
  try {
    await make(made);
    await rename(made, directory).catch(error => {
      if (!['ENOTEMPTY', 'EEXIST'].includes(error.code)) throw error;
    });
  } finally {
    await rm(made, { recursive: true, force: true });
  }
};

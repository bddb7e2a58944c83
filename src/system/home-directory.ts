import { homedir, userInfo } from 'node:os';
import { isAbsolute } from 'node:path';

/**
 * Home directory of this account: HOME if it is an absolute path, otherwise that of the user database. An empty HOME would
 * stand for the current directory.
 *
 * @returns `undefined` if there is neither, as in a container that runs as a bare uid
 */
export const homeDirectory = (): string | undefined => firstAbsolute(homedir, () => userInfo().homedir);

const firstAbsolute = (...sources: ReadonlyArray<() => string>): string | undefined => {
  for (const source of sources) {
    try {
      const directory = source();
      if (isAbsolute(directory)) return directory;
    } catch {
      // The account is not in the user database.
    }
  }
  return undefined;
};

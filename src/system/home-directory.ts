import { homedir } from 'node:os';

/**
 * Home directory of this account.
 *
 * @returns `undefined` where HOME is not set and the user database has no entry for the account, as in a
 *   container that runs as a bare uid
 */
export const homeDirectory = (): string | undefined => {
  try {
    return homedir();
  } catch {
    return undefined;
  }
};

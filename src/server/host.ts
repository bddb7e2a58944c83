import { homedir, tmpdir, userInfo } from 'node:os';
import { basename } from 'node:path';
import type { Env } from '../shared-config/index.ts';

/** The machine and account that a server works on. */
export type Host = {
  /** The environment that children inherit from, before any policy. */
  readonly env: Env;
  readonly platform: NodeJS.Platform;
  readonly cwd: string;
  readonly homeDir: string;
  readonly tempDir: string;
  /** What clients are told to run shell commands by: SHELL where it is set, else the account's shell. */
  readonly shell: { readonly name: string; readonly path: string };
  /**
   * What a login of the account starts: the shell in the user database; where that knows none SHELL, else
   * /bin/sh. `undefined` on Windows.
   */
  readonly loginShell: string | undefined;
};

/**
 * The host of this very process.
 *
 * @param env its environment; variables whose value isn't UTF-8 are left out, and told to `dropped` by
 * name: Node decodes them lossily, and a child would get something else than the host has.
 */
export const currentHost = (env: NodeJS.ProcessEnv, dropped: (name: string) => void): Host => ({
  env: readableEnv(env, dropped),
  platform: process.platform,
  cwd: process.cwd(),
  homeDir: homedir(),
  tempDir: tmpdir(),
  shell: userShell(env),
  loginShell: process.platform === 'win32' ? undefined : (accountShell() ?? (env.SHELL || '/bin/sh')),
});

const REPLACEMENT_CHARACTER = '\ufffd';

const readableEnv = (env: NodeJS.ProcessEnv, dropped: (name: string) => void): Env =>
  Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => {
      const readable = !entry.join('').includes(REPLACEMENT_CHARACTER);
      if (!readable) dropped(entry[0]);
      return readable && entry[1] !== undefined;
    }),
  );

const userShell = (env: NodeJS.ProcessEnv): Host['shell'] => {
  const path =
    process.platform === 'win32' ? (env.ComSpec ?? 'cmd.exe') : env.SHELL || (accountShell() ?? '/bin/sh');
  return {
    name: basename(path)
      .replace(/\.exe$/i, '')
      .toLowerCase(),
    path,
  };
};

// An account may have no entry in the user database, as in a container started with a bare uid.
const accountShell = (): string | undefined => {
  try {
    return userInfo().shell || undefined;
  } catch {
    return undefined;
  }
};

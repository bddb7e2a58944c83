import { readlinkSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { basename } from 'node:path';
import type { Env } from '../../shared-config/index.ts';
import { homeDirectory } from '../../system/home-directory.ts';

/** The machine and account that a server works on. */
export type Host = {
  /** The environment that children inherit from, before any policy. */
  readonly env: Env;
  readonly platform: NodeJS.Platform;
  /** Does not exist if it was removed. */
  readonly cwd: string;
  /** `/` where the account has none. */
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
 * The host of this process.
 *
 * @param env its environment; variables whose value isn't UTF-8 are left out: Node decodes them lossily, and a child
 *   would get another value than the host has
 * @param report receives a line for each thing that is missing or left out
 */
export const currentHost = (env: NodeJS.ProcessEnv, report: (line: string) => void): Host => ({
  env: readableEnv(env, name => report(`not UTF-8, so not handed on to children: ${name}`)),
  platform: process.platform,
  cwd: currentDirectory(report),
  homeDir: homeDirectory() ?? withoutHome(report),
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

// Not replaced by a directory that exists: a command that is to run in the current one must not run elsewhere.
const currentDirectory = (report: (line: string) => void): string => {
  try {
    return process.cwd();
  } catch (error) {
    const path = removedDirectory();
    const { code } = error as NodeJS.ErrnoException;
    report(`the current directory, ${path}, cannot be used (${code}): processes can start in others only`);
    return path;
  }
};

const removedDirectory = (): string => {
  try {
    return readlinkSync('/proc/self/cwd').replace(/ \(deleted\)$/, '');
  } catch {
    return '/nonexistent';
  }
};

const withoutHome = (report: (line: string) => void): string => {
  const account = `user ${process.getuid?.()}`;
  report(`HOME is not set and ${account} has no entry in the user database: using / as home directory`);
  return '/';
};

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

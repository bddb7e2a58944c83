import { readlinkSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { basename } from 'node:path';
import type { Env } from '../../shared-config/index.ts';
import { homeDirectory } from '../../system/home-directory.ts';
import { type UsableShell, usableShell } from './usable-shell.ts';

/** The machine and account that a server works on. */
export type Host = {
  /** Environment of the server, to which policies are applied. */
  readonly env: Env;
  readonly platform: NodeJS.Platform;
  /** Working directory; may have been removed. */
  readonly cwd: string;
  /** `/` if the account has none. */
  readonly homeDir: string;
  readonly tempDir: string;
  /** Shell announced to clients: the first that runs commands of `SHELL`, the account's shell and /bin/sh. */
  readonly shell: UsableShell & { readonly name: string };
  /** The first shell that runs commands of the account's shell, `SHELL` and /bin/sh. `undefined` on Windows. */
  readonly loginShell: string | undefined;
};

/**
 * Describes the host of this process.
 *
 * @param env its environment. Variables that are not UTF-8 are ignored: Node decodes them lossily, and a child would get
 *   another value.
 * @param report receives a line for everything that is missing or ignored
 */
export const currentHost = (env: NodeJS.ProcessEnv, report: (line: string) => void): Host => ({
  env: readableEnv(env, name => report(`ignoring environment variable ${name}: it is not valid UTF-8`)),
  platform: process.platform,
  cwd: currentDirectory(report),
  homeDir: homeDirectory() ?? withoutHome(report),
  tempDir: tmpdir(),
  shell: named(process.platform === 'win32' ? { path: env.ComSpec ?? 'cmd.exe' } : userShell(env, report)),
  loginShell: process.platform === 'win32' ? undefined : usableShell(accountShell(), env.SHELL).path,
});

const REPLACEMENT_CHARACTER = '\ufffd';

const readableEnv = (env: NodeJS.ProcessEnv, onIgnored: (name: string) => void): Env =>
  Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => {
      const readable = !entry.join('').includes(REPLACEMENT_CHARACTER);
      if (!readable) onIgnored(entry[0]);
      return readable && entry[1] !== undefined;
    }),
  );

// A removed directory is not replaced by another one: a command for it must not run elsewhere.
const currentDirectory = (report: (line: string) => void): string => {
  try {
    return process.cwd();
  } catch (error) {
    const path = removedDirectory();
    const { code } = error as NodeJS.ErrnoException;
    report(`cannot use the current directory ${path} (${code}): processes need another cwd`);
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
  report(`HOME is not set and ${account} is not in the user database: using / as home directory`);
  return '/';
};

const userShell = (env: NodeJS.ProcessEnv, report: (line: string) => void): UsableShell => {
  const shell = usableShell(env.SHELL, accountShell());
  const { insteadOf } = shell;
  if (insteadOf !== undefined) report(`using ${shell.path}: the shell ${insteadOf.path} ${insteadOf.reason}`);
  return shell;
};

const named = (shell: UsableShell): Host['shell'] => ({
  name: basename(shell.path)
    .replace(/\.exe$/i, '')
    .toLowerCase(),
  ...shell,
});

// Throws if the account is not in the user database, as in a container started with a bare uid.
const accountShell = (): string | undefined => {
  try {
    return userInfo().shell || undefined;
  } catch {
    return undefined;
  }
};

import { readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { basename } from 'node:path';
import type { Env } from '../../../shared-config/index.ts';
import type { Host } from '../host.ts';

/** How a login shell is started. */
export type LoginStart = {
  readonly program: string;
  /** By the dash before it a shell knows that it is a login shell; tcsh takes `-l` only alone. */
  readonly argv0: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Env;
};

/** Tells the user's own files what they are read for, so that they can leave out what takes a person. */
const RESOLVING = 'EXEC_SERVER_RESOLVING_ENVIRONMENT';

/** How `shell` is started as the login shell of the account, to run one command, which it has on stdin, too. */
export const loginStart = (
  shell: string,
  host: Host,
  interactive: boolean,
  command: string,
  systemEnvironment = '/etc/environment',
): LoginStart => ({
  program: shell,
  argv0: `-${basename(shell)}`,
  args: argsOf(basename(shell), interactive, command),
  cwd: isDirectory(host.homeDir) ? host.homeDir : '/',
  env: startEnv(shell, host, systemEnvironment),
});

const argsOf = (name: string, interactive: boolean, command: string): string[] => {
  if (!interactive) return ['-c', command];
  // With -c csh is never interactive: $prompt is not set, by which its users' files tell.
  return /^t?csh$/.test(name) ? ['-i'] : ['-i', '-c', command];
};

/**
 * What of the server's environment `sshd`, PAM or a login manager gives to a shell before it reads its first
 * file. The rest must not be there: profiles guard themselves with variables such as
 * `__ETC_PROFILE_NIX_SOURCED`, and where one of these is inherited without what the profile sets, the profile
 * does nothing.
 */
const startEnv = (shell: string, { env, homeDir }: Host, systemEnvironment: string): Env => {
  const fromSystem = namesIn(systemEnvironment);
  const user = env.USER ?? env.LOGNAME ?? accountName();
  return {
    PATH: DEFAULT_PATH,
    ...(user !== undefined && { USER: user, LOGNAME: user }),
    ...Object.fromEntries(Object.entries(env).filter(([name]) => isGiven(name) || fromSystem.has(name))),
    HOME: homeDir,
    SHELL: shell,
    // No colours, no titles, no line editors.
    TERM,
    [RESOLVING]: '1',
  };
};

const TERM = 'dumb';

// What OpenSSH's sshd has where nothing else is configured.
const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin';

const GIVEN = new Set([
  'PATH',
  'USER',
  'LOGNAME',
  'MAIL',
  'LANG',
  'LANGUAGE',
  'TZ',
  'TMPDIR',
  'SSH_AUTH_SOCK',
  'SSH_CLIENT',
  'SSH_CONNECTION',
  'KRB5CCNAME',
  'DISPLAY',
  'WAYLAND_DISPLAY',
  'XAUTHORITY',
  'XDG_RUNTIME_DIR',
  'DBUS_SESSION_BUS_ADDRESS',
  // Given by WSL's init; without them no Windows program can be run.
  'WSL_DISTRO_NAME',
  'WSL_INTEROP',
  'WSLENV',
]);

const isGiven = (name: string): boolean => GIVEN.has(name) || /^(?:LC_|XDG_SESSION_)/.test(name);

// PAM reads it for every session of the machine, so the server has the values already.
const namesIn = (systemEnvironment: string): ReadonlySet<string> => {
  try {
    const lines = readFileSync(systemEnvironment, 'utf8').matchAll(/^[ \t]*(?:export[ \t]+)?(\w+)=/gm);
    return new Set(Array.from(lines, ([, name = '']) => name));
  } catch {
    return new Set();
  }
};

/**
 * The environment that a login shell has answered with, without what belongs to the shell itself or to the way
 * it was run. A terminal type that is still ours is the server's again.
 */
export const environmentOf = (answered: Env, own: Env): Env =>
  Object.fromEntries(
    Object.entries(answered).flatMap(([name, value]) => {
      if (OF_THE_SHELL.has(name)) return [];
      if (name !== 'TERM' || value !== TERM) return [[name, value]];
      return own.TERM === undefined ? [] : [[name, own.TERM]];
    }),
  );

const OF_THE_SHELL = new Set(['PWD', 'OLDPWD', 'SHLVL', '_', RESOLVING]);

const accountName = (): string | undefined => {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
};

const isDirectory = (path: string): boolean => {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
};

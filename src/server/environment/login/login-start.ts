import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { basename } from 'node:path';
import { type Env, type EnvBase, isWithheld } from '../../../shared-config/index.ts';
import type { Host } from '../host.ts';
import type { ShellStart } from './spawn-shell.ts';

/** A base that a login shell is run for. */
export type LoginBase = Exclude<EnvBase, 'process'>;

/** Lets start-up files detect that they run for their environment only, and skip interactive parts. */
const RESOLVING = 'EXEC_SERVER_RESOLVING_ENVIRONMENT';

/** Determines how to start `shell` as the login shell of the account, to run one command. */
export const loginStart = (
  shell: string,
  host: Host,
  interactive: boolean,
  command: string,
  systemEnvironment = '/etc/environment',
): ShellStart => ({
  program: shell,
  // The leading dash makes it a login shell; tcsh accepts `-l` only as its sole argument.
  argv0: `-${basename(shell)}`,
  args: argsOf(basename(shell), interactive, command),
  cwd: canEnter(host.homeDir) ? host.homeDir : '/',
  env: startEnv(shell, host, systemEnvironment),
});

const argsOf = (name: string, interactive: boolean, command: string): string[] => {
  if (!interactive) return ['-c', command];
  // With -c csh is never interactive: $prompt, which start-up files check, is not set. It reads the command from stdin.
  return /^t?csh$/.test(name) ? ['-i'] : ['-i', '-c', command];
};

/**
 * Builds the environment that sshd, PAM or a login manager gives to a shell before it reads its first file. The other
 * variables of the server must be absent: profiles guard themselves with variables such as `__ETC_PROFILE_NIX_SOURCED`,
 * and a profile does nothing if it inherits its guard without the variables that it sets.
 */
const startEnv = (shell: string, { env, homeDir }: Host, systemEnvironment: string): Env => {
  const fromSystem = namesIn(systemEnvironment);
  const user = env.USER ?? env.LOGNAME ?? accountName();
  return {
    PATH: DEFAULT_PATH,
    ...(user !== undefined && { USER: user, LOGNAME: user }),
    ...Object.fromEntries(
      Object.entries(env).filter(
        ([name]) => isLoginName(name) || (fromSystem.has(name) && !isWithheld(name)),
      ),
    ),
    HOME: homeDir,
    SHELL: shell,
    // Disables colours, titles and line editors.
    TERM,
    [RESOLVING]: '1',
  };
};

const TERM = 'dumb';

// Default of OpenSSH's sshd.
const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin';

const LOGIN_NAMES = new Set([
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
  // Set by WSL's init; without them no Windows program runs.
  'WSL_DISTRO_NAME',
  'WSL_INTEROP',
  'WSLENV',
]);

const isLoginName = (name: string): boolean => LOGIN_NAMES.has(name) || /^(?:LC_|XDG_SESSION_)/.test(name);

// PAM sets them for every session of the machine, so the server has their values already.
const namesIn = (systemEnvironment: string): ReadonlySet<string> => {
  try {
    const lines = readFileSync(systemEnvironment, 'utf8').matchAll(/^[ \t]*(?:export[ \t]+)?(\w+)=/gm);
    return new Set(Array.from(lines, ([, name = '']) => name));
  } catch {
    return new Set();
  }
};

/**
 * Extracts the base environment from the answer of a login shell, without the variables of the shell itself and those
 * set for its run. A `TERM` that it did not change becomes that of the server.
 */
export const environmentOf = (answered: Env, serverEnv: Env): Env =>
  Object.fromEntries(
    Object.entries(answered).flatMap(([name, value]) => {
      if (isOfShell(name)) return [];
      if (name !== 'TERM' || value !== TERM) return [[name, value]];
      return serverEnv.TERM === undefined ? [] : [[name, serverEnv.TERM]];
    }),
  );

/** Returns true for a variable of the shell itself, or one that is set for its run. */
export const isOfShell = (name: string): boolean => SHELL_NAMES.has(name);

const SHELL_NAMES = new Set(['PWD', 'OLDPWD', 'SHLVL', '_', RESOLVING]);

const accountName = (): string | undefined => {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
};

// As a login does; the directory may be missing, or not accessible for the account.
const canEnter = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
};

import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

/** A real shell, and the syntax of its start-up files. */
export type TestShell = {
  readonly name: ShellName;
  readonly path: string;
  /** A line that exports a variable. */
  set(name: string, value: string): string;
  /** A line that puts a directory first in PATH. */
  prepend(directory: string): string;
  /** A line that waits for a line of stdin. */
  readonly readLine: string;
  /** Files of a home directory: lines for every login shell, and lines for interactive ones only. */
  files(profile: readonly string[], interactive?: readonly string[]): Readonly<Record<string, string>>;
};

type ShellName = 'bash' | 'zsh' | 'dash' | 'fish' | 'tcsh';

/** Each a suite of its own; see `describeWithShell`. */
export const shellNames: readonly ShellName[] = ['bash', 'zsh', 'dash', 'fish', 'tcsh'];

/**
 * A mocha suite that needs a shell. Where that is missing, `body` is not called: with CI set in the
 * environment the suite has one failing test, otherwise one pending test and a line on stderr. On Windows it
 * is always pending.
 */
export const describeWithShell = (name: ShellName, title: string, body: (shell: TestShell) => void): void => {
  const path = process.platform === 'win32' ? undefined : find(name);
  const reason = `there is no ${name} here (Debian package ${name})`;
  if (path !== undefined) {
    describe(title, () => body({ name, path, ...dialects[name] }));
  } else if (process.env.CI && process.platform !== 'win32') {
    describe(title, () => {
      it(`has a ${name} to run`, () => {
        throw new Error(reason);
      });
    });
  } else {
    process.stderr.write(`!!! SKIPPED: ${title}: ${reason}\n`);
    describe(title, () => {
      it.skip(`needs ${name}: ${reason}`);
    });
  }
};

/** Files of a home directory with the same effect in each of these shells. */
export const filesForAnyShell = (
  profile: (shell: Pick<TestShell, 'set'>) => readonly string[],
): Readonly<Record<string, string>> =>
  Object.assign({}, ...Object.values(dialects).map(shell => shell.files(profile(shell))));

const find = (name: string): string | undefined =>
  ['/usr/bin', '/bin', '/usr/local/bin', '/opt/homebrew/bin']
    .map(directory => join(directory, name))
    .find(isExecutable);

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

const lines = (...parts: readonly (string | readonly string[])[]): string => `${parts.flat().join('\n')}\n`;

const posix = {
  set: (name: string, value: string) => `export ${name}='${value}'`,
  prepend: (directory: string) => `PATH=${directory}:$PATH; export PATH`,
  readLine: 'read answer',
};

const dialects: Readonly<Record<ShellName, Omit<TestShell, 'name' | 'path'>>> = {
  bash: {
    ...posix,
    // As in Debian and nvm: .bashrc continues only in an interactive shell.
    files: (profile, interactive = []) => ({
      '.bash_profile': lines(profile, '. "$HOME/.bashrc"'),
      '.bashrc': lines('case $- in *i*) ;; *) return ;; esac', interactive),
    }),
  },
  zsh: {
    ...posix,
    files: (profile, interactive = []) => ({ '.zprofile': lines(profile), '.zshrc': lines(interactive) }),
  },
  dash: {
    ...posix,
    files: (profile, interactive = []) => ({
      '.profile': lines(profile, 'case $- in *i*)', interactive, ';; esac'),
    }),
  },
  fish: {
    set: (name, value) => `set -gx ${name} '${value}'`,
    prepend: directory => `set -gx PATH ${directory} $PATH`,
    readLine: 'read answer',
    files: (profile, interactive = []) => ({
      '.config/fish/config.fish': lines(profile, 'if status is-interactive', interactive, 'end'),
    }),
  },
  tcsh: {
    set: (name, value) => `setenv ${name} '${value}'`,
    prepend: directory => `setenv PATH ${directory}:$PATH`,
    readLine: 'set answer = "$<"',
    files: (profile, interactive = []) => ({
      '.login': lines(profile, 'if ($?prompt) then', interactive, 'endif'),
    }),
  },
};

import { RequestError } from '../core/index.ts';
import { homeDirectory } from '../system/home-directory.ts';
import type { RunCommand } from './account-shell.ts';

/** A start that failed. */
type Start = { readonly command: RunCommand; readonly cwd: string | undefined };

/** Advice on a failed start; `undefined` if there is none. */
export const startAdvice = (error: unknown, { command, cwd }: Start): string | undefined => {
  if (!(error instanceof RequestError)) return undefined;
  if (error.data.stage === 'resolve' && 'argv' in command) return shellAdvice(command.argv);
  return error.data.stage === 'cwd' ? homeAdvice(cwd) : undefined;
};

const shellAdvice = ([program, ...args]: readonly [string, ...string[]]): string | undefined => {
  if (args.length === 0 && SHELL_SYNTAX.test(program))
    return `to run a line of the account's shell: run --shell -- ${quoted(program)}`;
  if (BUILT_INS.has(program))
    return `${program} is built into the shell: 'run --shell' runs a line of the account's shell`;
  return BARE_NAME.test(program)
    ? "a function of the account's shell needs --shell, an alias --tty --shell"
    : undefined;
};

const SHELL_SYNTAX = /[\s|&;<>()$`*?{}=]/;

const BARE_NAME = /^[\w.+-]+$/;

/** Built-in commands of shells that people type, without those that are programs as well. */
const BUILT_INS = new Set(
  (
    '. : alias bg builtin cd command declare dirs eval exec exit export fg hash history if jobs for let local ' +
    'popd pushd read return set setenv shift source times trap type ulimit umask unalias unset wait while'
  ).split(' '),
);

/** Single quotes for a POSIX shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Advice if the shell of the caller has expanded `~` to the home directory of this machine. */
const homeAdvice = (cwd: string | undefined): string | undefined => {
  const home = homeDirectory();
  if (cwd === undefined || home === undefined || (cwd !== home && !cwd.startsWith(`${home}/`)))
    return undefined;
  return `your shell has expanded '~'; for the home directory there, quote it: --cwd ${quoted(`~${cwd.slice(home.length)}`)}`;
};

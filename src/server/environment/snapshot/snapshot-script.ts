import type { Env } from '../../../shared-config/index.ts';
import type { ReplayedState } from './replayed-state.ts';
import type { LoginCommand, ShellKind } from './supported-shell.ts';

/**
 * Writes the script that turns a shell without start-up files into one that has a state. Functions are defined before
 * aliases, which would change them, and after the locale and the options that their syntax depends on.
 *
 * @param env environment of the shell that runs it
 */
export const snapshotScript = (state: ReplayedState, env: Env): Buffer =>
  Buffer.from(
    [
      ...state.options,
      ...environmentCommands(state, env),
      state.functions,
      ...state.functionAttributes,
      ...state.variables.values(),
      state.aliases,
      state.traps,
      state.umask,
      ...state.lateOptions,
      '',
    ].join('\n'),
    'latin1',
  );

const environmentCommands = ({ env: wanted, unset }: ReplayedState, env: Env): string[] => [
  ...[...wanted]
    .filter(([name, value]) => !Object.hasOwn(env, name) || bytesOf(env[name] ?? '') !== value)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'`),
  ...unset.map(name => `unset -v ${name}`),
];

/** UTF-8, each byte as one character. */
const bytesOf = (text: string): string => Buffer.from(text).toString('latin1');

/**
 * Returns the arguments of a shell that restores a snapshot and then runs a command. It reads no start-up file, is no
 * login shell, and has closed the descriptor before the command.
 *
 * @param descriptor number of the snapshot in the shell
 * @returns `undefined` if the shell cannot close a descriptor of that number
 */
export const replayArguments = (
  { kind, command, args }: Pick<LoginCommand, 'kind' | 'command' | 'args'>,
  descriptor: number,
): string[] | undefined => {
  // In a redirection other shells take the numbers of one digit only.
  if (descriptor > 9 && kind !== 'bash') return undefined;
  // The builtin `builtin` of bash would undo the redirection.
  const builtin = kind === 'zsh' ? '\\builtin' : '\\command';
  const restore = `${builtin} . /dev/fd/${descriptor}; ${builtin} exec ${descriptor}<&-`;
  return [FLAGS[kind], `${restore}${CONTINUE[kind](command)}`, ...args];
};

/** bash with `-p` ignores functions and options of its environment; the snapshot turns the option off again. */
const FLAGS: Readonly<Record<ShellKind, string>> = { bash: '-pc', zsh: '-fc', sh: '-c' };

// Aliases and options must be there before the command is parsed. zsh parses all of its argument first.
const onNextLine = (command: string): string => `\n${command}`;
const byEval = (command: string): string => `; \\builtin eval '${command.replaceAll("'", "'\\''")}'`;

const CONTINUE: Readonly<Record<ShellKind, (command: string) => string>> = {
  bash: onNextLine,
  zsh: byEval,
  sh: onNextLine,
};

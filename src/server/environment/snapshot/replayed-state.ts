import type { Env } from '../../../shared-config/index.ts';
import type { ShellState } from './shell-state.ts';
import { OWN_PREFIX } from './state-script.ts';
import type { ShellKind } from './supported-shell.ts';

/** The part of a state that a snapshot restores. Each byte is one character of the texts. */
export type ReplayedState = {
  /** Commands that restore options before anything else. */
  readonly options: readonly string[];
  /** Commands that restore options that would change the restoration itself. */
  readonly lateOptions: readonly string[];
  readonly functions: string;
  readonly functionAttributes: readonly string[];
  /** Commands that restore variables that are not exported, by name. */
  readonly variables: ReadonlyMap<string, string>;
  readonly aliases: string;
  readonly traps: string;
  readonly umask: string;
  /** Exported variables. */
  readonly env: ReadonlyMap<string, string>;
  /** Names of variables that the shell was started with and has no more. */
  readonly unset: readonly string[];
  /** Empty if the descriptor of the snapshot is closed. */
  readonly descriptor: string;
};

/** True for a variable that a snapshot may have. */
export type NameFilter = (name: string, value: string) => boolean;

/**
 * Selects what a snapshot restores. Left out is what a shell sets itself, or has only while it prints its state.
 *
 * @param startEnv environment that the shell was started with
 */
export const replayedState = (
  kind: ShellKind,
  { sections, env }: ShellState,
  startEnv: Env,
  isAllowed: NameFilter,
): ReplayedState => {
  const text = (name: string) => sections.get(name) ?? '';
  const isKept = ([name, value]: readonly [string, string]) => isRestorable(name) && isAllowed(name, value);
  return {
    // A function of zsh that is not loaded yet: the definition does the same without this comment.
    functions: kind === 'sh' ? '' : text('functions').replaceAll('\t# undefined\n', ''),
    functionAttributes: linesOf(text('attributes')).filter(line => !line.startsWith('declare -f ')),
    variables: new Map([...VARIABLES[kind](sections, env)].filter(isKept)),
    aliases:
      kind === 'sh'
        ? assignments(text('aliases'))
            .map(([, line]) => `alias ${line}\n`)
            .join('')
        : text('aliases'),
    traps: text('traps'),
    umask: `umask ${text('umask').replace('umask', '').trim()}`,
    env: new Map([...env].filter(isKept)),
    unset: Object.keys(startEnv).filter(name => isKept([name, '']) && !env.has(name)),
    descriptor: text('descriptor'),
    ...OPTIONS[kind](sections),
  };
};

/** Returns the name of a part in which two states differ. */
export const differenceOf = (expected: ReplayedState, actual: ReplayedState): string | undefined =>
  (Object.keys(expected) as Array<keyof ReplayedState>).find(
    part => textOf(expected[part]) !== textOf(actual[part]),
  );

const textOf = (part: ReplayedState[keyof ReplayedState]): string =>
  JSON.stringify(part instanceof Map ? [...part].sort(([a], [b]) => (a < b ? -1 : 1)) : part);

const linesOf = (text: string): string[] => text.split('\n').filter(line => line !== '');

const isRestorable = (name: string): boolean =>
  /^[A-Za-z_]\w*$/.test(name) && !SHELL_VARIABLES.has(name) && !name.startsWith(OWN_PREFIX);

/** Variables that shells set themselves, for themselves. */
const SHELL_VARIABLES = new Set([
  ...[
    'PWD',
    'OLDPWD',
    'SHLVL',
    '_',
    'PPID',
    'UID',
    'EUID',
    'GROUPS',
    'LINENO',
    'RANDOM',
    'SRANDOM',
    'SECONDS',
  ],
  ...['OPTIND', 'OPTARG', 'LINES', 'COLUMNS', 'PIPESTATUS', 'DIRSTACK', 'FUNCNAME', 'HISTCMD', 'SHELLOPTS'],
  ...[
    'EPOCHREALTIME',
    'EPOCHSECONDS',
    'BASH',
    'BASHOPTS',
    'BASHPID',
    'BASH_ALIASES',
    'BASH_ARGC',
    'BASH_ARGV',
  ],
  ...['BASH_ARGV0', 'BASH_CMDS', 'BASH_COMMAND', 'BASH_EXECUTION_STRING', 'BASH_LINENO', 'BASH_MONOSECONDS'],
  ...['BASH_LOADABLES_PATH', 'BASH_REMATCH', 'BASH_SOURCE', 'BASH_SUBSHELL', 'BASH_TRAPSIG', 'BASH_VERSINFO'],
  ...[
    'BASH_VERSION',
    'COMP_WORDBREAKS',
    'TTY',
    'ZSH_ARGZERO',
    'ZSH_EXECUTION_STRING',
    'ZSH_NAME',
    'ZSH_PATCHLEVEL',
  ],
  ...['ZSH_VERSION', 'ZSH_SUBSHELL', 'signals', 'HISTFILE'],
]);

type Variables = (
  sections: ShellState['sections'],
  env: ShellState['env'],
) => Iterable<readonly [name: string, command: string]>;

const declaredVariables: Variables = sections =>
  [...sections].flatMap(([section, command]) => {
    const [, name] = /^variable (.*)$/s.exec(section) ?? [];
    // Exported ones without another attribute are in the environment.
    return name === undefined || command === '' || command.startsWith('declare -x ')
      ? []
      : [[name, command] as const];
  });

const assignedVariables: Variables = (sections, env) =>
  assignments(sections.get('variables') ?? '').filter(([name]) => !env.has(name));

const VARIABLES: Readonly<Record<ShellKind, Variables>> = {
  bash: declaredVariables,
  zsh: declaredVariables,
  sh: assignedVariables,
};

/** Parses lines `NAME=VALUE` with quoted values, which may have line breaks. */
const assignments = (text: string): Array<readonly [name: string, assignment: string]> =>
  Array.from(text.matchAll(ASSIGNMENT), ([assignment, name = '']) => [name, assignment]);

const ASSIGNMENT = /^([^\s='"]+)=(?:'[^']*'|"[^"]*"|\\.|[^\s'"\\])*$/gm;

type Options = (sections: ShellState['sections']) => Pick<ReplayedState, 'options' | 'lateOptions'>;

const bashOptions: Options = sections => ({
  options: linesOf(sections.get('shopt') ?? '').filter(line => !BASH_SKIPPED.test(line)),
  lateOptions: linesOf(sections.get('set') ?? ''),
});

// Two that cannot be changed, and those whose removal sets BASH_COMPAT.
const BASH_SKIPPED = / login_shell$| restricted_shell$| -u compat\d+$/;

const zshOptions: Options = sections => {
  const commands = linesOf(sections.get('set') ?? '')
    .map(line => line.split(' '))
    .filter(([name = '']) => !ZSH_INVOCATION.has(name))
    .map(([name, state]) => `${state === 'on' ? 'setopt' : 'unsetopt'} ${name}`)
    .sort();
  const isLate = (command: string) => ZSH_LATE.test(command);
  return { options: commands.filter(command => !isLate(command)), lateOptions: commands.filter(isLate) };
};

/** Options of zsh that its arguments decide. */
const ZSH_INVOCATION = new Set([
  ...['interactive', 'login', 'shinstdin', 'singlecommand', 'privileged', 'restricted', 'zle', 'monitor'],
]);

const ZSH_LATE = / (?:errexit|errreturn|nounset|unset|xtrace|verbose|exec)$/;

const shOptions: Options = sections => ({
  options: [],
  lateOptions: linesOf(sections.get('set') ?? '').filter(
    line => !/ (?:interactive|stdin|monitor)$/.test(line),
  ),
});

const OPTIONS: Readonly<Record<ShellKind, Options>> = { bash: bashOptions, zsh: zshOptions, sh: shOptions };

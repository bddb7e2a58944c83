import type { Command } from 'commander';

/** Example of a command line. */
export type Example = {
  readonly command: string;
  /** Sentence without a period: what the example does. */
  readonly text: string;
};

/** Exit code, or a group of them, with its meaning. */
export type ExitCode = readonly [code: number | string, meaning: string];

/** Documentation of a command apart from its options, for its help, its man page and docs/cli.md. */
export type Reference = {
  /** Forms of the command line after the name of the command. */
  readonly synopsis: readonly string[];
  /** Paragraphs after the summary; not in the help. */
  readonly description: readonly string[];
  readonly exitCodes: readonly ExitCode[];
  readonly examples: readonly Example[];
};

const references = new WeakMap<Command, Reference>();

/** Adds documentation to a command and to its help. */
export const addReference = (command: Command, reference: Reference): Command => {
  references.set(command, reference);
  const [first, ...others] = reference.synopsis;
  const more = others.map(form => `\n       ${commandPath(command)} ${form}`);
  return command
    .usage([first, ...more].join(''))
    .addHelpText('after', [exitStatus(reference), examples(reference)].join(''));
};

/** Documentation of a command; `undefined` if it has none. */
export const referenceOf = (command: Command): Reference | undefined => references.get(command);

/** Names of a command and its parents: `exec-server run`. */
export const commandPath = (command: Command): string =>
  [command.parent && commandPath(command.parent), command.name()].filter(Boolean).join(' ');

const exitStatus = ({ exitCodes }: Reference): string => {
  const width = Math.max(...exitCodes.map(([code]) => `${code}`.length));
  const lines = exitCodes.map(([code, meaning]) => `  ${`${code}`.padEnd(width)}  ${meaning}\n`);
  return lines.length === 0 ? '' : `\nExit status:\n${lines.join('')}`;
};

const examples = ({ examples: list }: Reference): string =>
  list.length === 0 ? '' : `\nExamples:\n${list.map(({ command }) => `  ${command}\n`).join('')}`;

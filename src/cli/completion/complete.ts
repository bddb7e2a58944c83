import type { Argument, Command, Option } from 'commander';
import { SELECTORS } from '../server-options.ts';
import { type Completion, placeholderOf, type Value, type Values, valuesOf } from './values.ts';

/**
 * Completes the last of the words after the name of the program. Values that do not begin with it are included, since
 * shells match in their own ways.
 */
export const complete = (program: Command, words: readonly string[]): Completion => {
  const position = positionOf(program, words.slice(0, -1));
  const current = words.at(-1) ?? '';
  if (position.commandAt !== undefined) return { values: [], commandAt: position.commandAt };
  if (position.awaiting !== undefined)
    return completion(position, valuesOfOption(position.awaiting), current);
  if (position.operandsOnly || !current.startsWith('-')) return operand(position, words.length - 1, current);
  const [name = '', value] = splitOption(current);
  if (value === undefined) return { values: optionNames(position, current) };
  const option = findOption(position.command, name);
  if (option === undefined || !option.required) return { values: [] };
  const { values, paths } = completion(position, valuesOfOption(option), value);
  return { values: values.map(({ word, ...rest }) => ({ word: `${name}=${word}`, ...rest })), paths };
};

/** Meaning of the next word. */
type Position = {
  readonly command: Command;
  /** Options so far, by the name of their attribute. */
  readonly used: ReadonlySet<string>;
  /** Option whose value is the next word. */
  readonly awaiting: Option | undefined;
  /** True after `--`. */
  readonly operandsOnly: boolean;
  readonly operands: number;
  /** Index of the first word of a command that is run; all later words belong to it. */
  readonly commandAt: number | undefined;
};

const positionOf = (program: Command, words: readonly string[]): Position => {
  let position: Position = {
    command: program,
    used: new Set(),
    awaiting: undefined,
    operandsOnly: false,
    operands: 0,
    commandAt: undefined,
  };
  for (const [index, word] of words.entries()) {
    position = after(position, word, index);
    if (position.commandAt !== undefined) break;
  }
  return position;
};

const after = (position: Position, word: string, index: number): Position => {
  if (position.awaiting !== undefined) return { ...position, awaiting: undefined };
  if (!position.operandsOnly && word === '--') return { ...position, operandsOnly: true };
  if (!position.operandsOnly && word.startsWith('-') && word !== '-') return afterOption(position, word);
  const subcommand = position.command.commands.find(command => command.name() === word);
  if (subcommand !== undefined) return { ...position, command: subcommand, used: new Set() };
  return runsCommand(position)
    ? { ...position, commandAt: index }
    : { ...position, operands: position.operands + 1 };
};

const afterOption = (position: Position, word: string): Position => {
  const { command } = position;
  const [name = '', value] = splitOption(word);
  // Short options can share a word; the rest of the word is the value of the first one that takes one.
  const names = word.startsWith('--') ? [name] : Array.from(word.slice(1), letter => `-${letter}`);
  const used = new Set(position.used);
  for (const [at, each] of names.entries()) {
    const option = findOption(command, each);
    if (option === undefined) continue;
    used.add(option.attributeName());
    if (option.required)
      return {
        ...position,
        used,
        awaiting: value === undefined && at === names.length - 1 ? option : undefined,
      };
  }
  return { ...position, used };
};

const splitOption = (word: string): [name: string, value?: string] => {
  const at = word.startsWith('--') ? word.indexOf('=') : -1;
  return at < 0 ? [word] : [word.slice(0, at), word.slice(at + 1)];
};

const findOption = ({ options }: Command, name: string): Option | undefined =>
  options.find(({ short, long }) => name === short || name === long);

const operandOf = ({ command, operands }: Position): Argument | undefined =>
  command.registeredArguments[operands] ??
  command.registeredArguments.filter(({ variadic }) => variadic).at(-1);

/** True if the next operand begins a command line of its own. */
const runsCommand = (position: Position): boolean => {
  const next = operandOf(position);
  return next?.variadic === true && next.name() === 'command';
};

const operand = (position: Position, index: number, current: string): Completion => {
  if (runsCommand(position)) return { values: [], commandAt: index };
  const { command } = position;
  const values = command
    .createHelp()
    .visibleCommands(command)
    .map(each => ({ word: each.name(), description: each.description() }));
  if (values.length > 0) return { values };
  const next = operandOf(position);
  return next === undefined
    ? { values: [] }
    : completion(position, { placeholder: next.name(), choices: next.argChoices }, current);
};

const valuesOfOption = (option: Option): Values => ({
  placeholder: placeholderOf(option.flags),
  choices: option.argChoices,
});

const completion = ({ used }: Position, values: Values, current: string): Completion =>
  valuesOf(values, { current, remote: SELECTORS.some(name => used.has(name)) });

/** Options that can follow; short ones only after a single `-`. */
const optionNames = ({ command, used }: Position, current: string): readonly Value[] =>
  command
    .createHelp()
    .visibleOptions(command)
    .filter(option => !used.has(option.attributeName()) || Array.isArray(option.defaultValue))
    .flatMap(({ short, long, description }) =>
      [current === '-' ? short : undefined, long]
        .filter(name => name !== undefined)
        .map(word => ({ word, description: oneLine(description) })),
    );

const oneLine = (text: string): string => text.replace(/\s+/g, ' ');

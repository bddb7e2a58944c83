import type { Command } from 'commander';
import { nearest } from '../codex-config/nearest.ts';

/** Message about a first word that is neither a command nor an option of the program. */
export const unknownWord = (program: Command, word: string): string =>
  word.startsWith('-') ? unknownOption(program, word) : unknownCommand(program, word);

const unknownOption = (program: Command, word: string): string => {
  const [name = word] = word.split('=');
  const owner = program.commands.find(command => optionNames(command).includes(name));
  return owner === undefined
    ? `unknown option '${name}'${didYouMean(name, [program, ...program.commands].flatMap(optionNames))}`
    : `option '${name}' follows a command: ${program.name()} ${owner.name()} ${name} …`;
};

/** Message about a command that does not exist. */
export const unknownCommand = (program: Command, word: string): string => {
  const hint = didYouMean(
    word,
    program.commands.map(command => command.name()),
  );
  return `unknown command '${word}'${hint || `; see '${program.name()} help'; to run a program: ${program.name()} run -- ${word}`}`;
};

const optionNames = ({ options }: Command): string[] =>
  options.flatMap(({ short, long }) => [short, long].filter(name => name !== undefined));

/** In the form that commander has for the options of a command. */
const didYouMean = (word: string, names: readonly string[]): string => {
  const name = nearest(word, names);
  return name === undefined ? '' : `\n(Did you mean ${name}?)`;
};

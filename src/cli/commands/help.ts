import { Argument, type Command } from 'commander';
import { LOCAL_EXIT_CODES } from '../exit-codes.ts';
import { addReference } from '../reference.ts';
import { unknownCommand } from '../unknown-word.ts';
import type { AddCommand } from './command.ts';

/** Adds `help`, for the commands that the program has. */
export const addHelp: AddCommand = program => {
  const names = program.commands.map(command => command.name());
  const command = program
    .command('help')
    .description('Print the help of a command.')
    .addArgument(
      new Argument('[command]', 'a command of this program (default: all of them)')
        .choices(names)
        .argParser(unchecked),
    )
    .action((name: string | undefined) => (name === undefined ? program : find(program, name)).outputHelp());
  addReference(command, {
    synopsis: ['[command]'],
    description: [],
    exitCodes: LOCAL_EXIT_CODES,
    examples: [{ command: 'exec-server help run', text: 'Print the options of run' }],
  });
};

/** Leaves the check of the choices to the command, whose message has a suggestion. */
const unchecked = (name: string): string => name;

const find = (program: Command, name: string): Command =>
  program.commands.find(command => command.name() === name) ??
  program.error(`error: ${unknownCommand(program, name)}`);

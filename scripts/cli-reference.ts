// The reference of the command line, from the declarations in src/cli: for the man pages and docs/cli.md.
import type { Command, Option } from 'commander';
import { createProgram } from '../src/cli/program.ts';
import { commandPath, type Reference, referenceOf } from '../src/cli/reference.ts';

/** A term and its explanation. */
export type Entry = readonly [term: string, text: string];

/** Everything about one command. */
export type CommandReference = Reference & {
  /** The words that call it: `exec-server run`. */
  readonly path: string;
  readonly summary: string;
  readonly operands: readonly Entry[];
  readonly optionGroups: ReadonlyArray<{ readonly title: string; readonly options: readonly Entry[] }>;
};

/** Returns the program and its commands, in the order of the help. */
export const commandReferences = (): readonly CommandReference[] => {
  const program = createProgram(() => {});
  return [program, ...program.createHelp().visibleCommands(program)].map(commandReference);
};

const commandReference = (command: Command): CommandReference => {
  const help = command.createHelp();
  const reference = referenceOf(command);
  if (reference === undefined) throw new Error(`${command.name()}: expected a reference (addReference)`);
  const groups = help.groupItems(
    [...command.options],
    help.visibleOptions(command),
    option => option.helpGroupHeading ?? 'Options:',
  );
  return {
    ...reference,
    path: commandPath(command),
    summary: help.commandDescription(command),
    operands: help
      .visibleArguments(command)
      .map(argument => [help.argumentTerm(argument), help.argumentDescription(argument)]),
    optionGroups: Array.from(groups, ([title, options]) => ({
      title: title.replace(/:$/, ''),
      options: options.map(
        (option: Option): Entry => [help.optionTerm(option), help.optionDescription(option)],
      ),
    })),
  };
};

import { Command, InvalidArgumentError, Option } from 'commander';
import { parseSize } from '../protocol/server-args.ts';
import { version } from '../protocol/version.ts';
import type { AddCommand, Finish } from './commands/command.ts';
import { addDoctor } from './commands/doctor.ts';
import { addEnv } from './commands/env.ts';
import { addEnvironments } from './commands/environments.ts';
import { addRun } from './commands/run.ts';
import { print, printError, printMessage } from './output.ts';

/** Commands in the order of the help. */
const COMMANDS: readonly AddCommand[] = [addRun, addEnv, addEnvironments, addDoctor];

/** Creates the parser of the command line. */
export const createProgram = (finish: Finish): Command => {
  const program = new Command('exec-server')
    .description('Run processes next to the code, with the environment variables of that machine.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .enablePositionalOptions()
    .configureHelp({
      optionDescription: ({ description }) => description,
      subcommandTerm: command => command.name(),
    })
    .configureOutput({
      writeOut: text => print(text),
      writeErr: printError,
      outputError: text => printMessage(text.replace(/^error: /, '').replace(/\n$/, '')),
    })
    .exitOverride();
  for (const add of COMMANDS) add(program, finish);
  // After the commands, which inherit the settings of the program, and take no excess arguments.
  return program
    .option('--stdio', 'run the server on stdin and stdout')
    .addOption(
      new Option('--listen <address>', 'same as --stdio; the only address is "stdio"').choices(['stdio']),
    )
    .option(
      '--memory-limit <size>',
      'with --stdio: maximum memory of the connection, at least 32M (default: 192M)',
      parseMemoryLimit,
    )
    .addHelpText('after', PROGRAM_NOTES)
    .allowExcessArguments()
    .action((options: object, command: Command) => {
      if (Object.keys(options).length > 0)
        command.error(
          "error: expected only '--stdio' or '--listen stdio', optionally followed by '--memory-limit <size>'",
        );
      const [unknown] = command.args;
      if (unknown !== undefined)
        command.error(`error: unknown command '${unknown}'; see 'exec-server --help'`);
      command.help({ error: true });
    });
};

const parseMemoryLimit = (text: string): number => {
  const bytes = parseSize(text);
  if (bytes === undefined) throw new InvalidArgumentError('Expected a size such as 256M, at least 32M.');
  return bytes;
};

const PROGRAM_NOTES = `
See 'exec-server <command> --help' for the options of a command.
`;

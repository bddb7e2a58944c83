import { Command, InvalidArgumentError, Option } from 'commander';
import { parseSize } from '../protocol/server-args.ts';
import { version } from '../protocol/version.ts';
import { addBootstrapScript } from './commands/bootstrap-script.ts';
import type { AddCommand, Finish } from './commands/command.ts';
import { addCompletion } from './commands/completion.ts';
import { addDoctor } from './commands/doctor.ts';
import { addEnv } from './commands/env.ts';
import { addEnvironments } from './commands/environments.ts';
import { addHelp } from './commands/help.ts';
import { addRun } from './commands/run.ts';
import { addSchema } from './commands/schema.ts';
import { addUninstall } from './commands/uninstall.ts';
import { SERVER_EXIT_CODES } from './exit-codes.ts';
import { HELP_OPTION } from './help-option.ts';
import { print, printError, printMessage } from './output.ts';
import { addReference } from './reference.ts';
import { unknownWord } from './unknown-word.ts';

/** Commands in the order of the help. */
const COMMANDS: readonly AddCommand[] = [
  addRun,
  addEnv,
  addEnvironments,
  addDoctor,
  addUninstall,
  addBootstrapScript,
  addCompletion,
  addSchema,
  addHelp,
];

/** Creates the parser of the command line. */
export const createProgram = (finish: Finish): Command => {
  const program = new Command('exec-server')
    .description('Run processes next to the code, with the environment variables of that machine.')
    .version(version, '-V, --version', 'print the version')
    .helpOption(...HELP_OPTION)
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
  addReference(program, {
    synopsis: ['<command> [options]', '--stdio [--memory-limit <size>] [--log-calls]'],
    description: [
      'The server that runs next to the code, and a client of it. With --stdio, it speaks framed JSON-RPC on stdin and ' +
        'stdout, as docs/protocol.md describes. The commands start such a server, on this machine or on another one, and ' +
        'use it.',
    ],
    exitCodes: SERVER_EXIT_CODES,
    examples: [
      { command: 'exec-server run --ssh devbox -- npm test', text: 'Run a command on another host' },
      { command: 'exec-server doctor --ssh devbox', text: 'Find out why a connection fails' },
      { command: 'exec-server help run', text: 'Print the options of a command' },
    ],
  });
  for (const add of COMMANDS) add(program, finish);
  // After the commands, which inherit the settings of the program, and take no excess arguments.
  return program
    .optionsGroup('Server on stdin and stdout:')
    .option('--stdio', 'run the server on stdin and stdout')
    .addOption(
      new Option('--listen <address>', 'same as --stdio; the only address is "stdio"').choices(['stdio']),
    )
    .option(
      '--memory-limit <size>',
      'with --stdio: maximum memory of the connection, at least 32M (default: 192M)',
      parseMemoryLimit,
    )
    .option(
      '--log-calls',
      'with --stdio: print a line for each answered request on stderr, with its time and trace',
    )
    .allowExcessArguments()
    .allowUnknownOption()
    .action((options: object, command: Command) => {
      if (Object.keys(options).length > 0)
        command.error(
          "error: expected only '--stdio' or '--listen stdio', optionally followed by '--memory-limit <size>' and '--log-calls'",
        );
      const [unknown] = command.args;
      if (unknown !== undefined) command.error(`error: ${unknownWord(command, unknown)}`);
      command.help({ error: true });
    });
};

const parseMemoryLimit = (text: string): number => {
  const bytes = parseSize(text);
  if (bytes === undefined) throw new InvalidArgumentError('Expected a size such as 256M, at least 32M.');
  return bytes;
};

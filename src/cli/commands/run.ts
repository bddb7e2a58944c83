import { type Command, Option } from 'commander';
import { withConfigErrors } from '../config-files.ts';
import { parseDuration } from '../duration.ts';
import { COMMAND_EXIT_CODES } from '../exit-codes.ts';
import { addProcessOptions, type ProcessOptions, processEnv, withTerm } from '../process-options.ts';
import { addReference } from '../reference.ts';
import { run } from '../run.ts';
import { readSandbox } from '../sandbox.ts';
import { targetOf } from '../server-options.ts';
import type { AddCommand } from './command.ts';

type RunCliOptions = ProcessOptions & {
  readonly tty?: true;
  readonly timeout?: number;
  readonly merge?: true;
  readonly sandbox?: string;
};

/** Adds `run`. */
export const addRun: AddCommand = (program, finish) => {
  const command = program
    .command('run')
    .description('Run a command on this machine or on another one.')
    .argument('<command...>', 'program and arguments, not interpreted by a shell')
    .option('-t, --tty', 'run the command on a terminal, attached to yours')
    .addOption(
      new Option('--merge', 'combine stdout and stderr on stdout, in the order of the writes').conflicts(
        'tty',
      ),
    )
    .option(
      '--timeout <duration>',
      'kill the command after this time: seconds, or with a unit such as 5m',
      parseDuration,
    )
    .option(
      '--sandbox <permissions>',
      'run the command in a sandbox: "read-only", "workspace-write" (write access to the working directory ' +
        'and the temporary directories) or a JSON file',
    )
    .passThroughOptions()
    .action(async (argv: [string, ...string[]], options: RunCliOptions, command: Command) =>
      finish(
        await run({
          target: targetOf(command, options),
          quiet: options.quiet ?? false,
          argv,
          cwd: options.cwd,
          env: withTerm(processEnv(command, options), options.tty),
          tty: options.tty ?? false,
          timeoutMs: options.timeout,
          merge: options.merge ?? false,
          sandbox: sandboxOf(command, options.sandbox),
        }),
      ),
    );
  addProcessOptions(command);
  addReference(command, {
    synopsis: ['[options] [--] <command> [argument...]'],
    description: [],
    exitCodes: COMMAND_EXIT_CODES,
    examples: [
      { command: 'exec-server run -- npm test', text: 'Run a command on this machine' },
      {
        command: 'exec-server run --ssh devbox --cwd src/project -- make -j8',
        text: 'Run a command on another host, in a directory below the home directory',
      },
      {
        command: 'exec-server run --ssh devbox --base loginInteractive -t -- bash',
        text: 'Run a shell on a terminal, with the variables of a login',
      },
      {
        command: "exec-server run --via 'docker exec -i box exec-server --stdio' -- id",
        text: 'Run a command in a container',
      },
    ],
  });
};

const sandboxOf = (command: Command, name: string | undefined) =>
  name === undefined ? undefined : withConfigErrors(command, () => readSandbox(name));

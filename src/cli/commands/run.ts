import { type Command, InvalidArgumentError, Option } from 'commander';
import type { RunCommand } from '../account-shell.ts';
import { withConfigErrors } from '../config-files.ts';
import { parseDuration } from '../duration.ts';
import { parseEscapeChar } from '../escape-sequences.ts';
import { COMMAND_EXIT_CODES } from '../exit-codes.ts';
import { addProcessOptions, type ProcessOptions, processEnv, withTerm } from '../process-options.ts';
import { addReference } from '../reference.ts';
import { run } from '../run.ts';
import { readSandbox } from '../sandbox.ts';
import { targetOf } from '../server-options.ts';
import type { AddCommand } from './command.ts';

type RunCliOptions = ProcessOptions & {
  readonly tty?: true;
  readonly interactive?: true;
  readonly escapeChar: string | undefined;
  /** False with --no-stdin. */
  readonly stdin: boolean;
  readonly shell?: true;
  readonly timeout?: number;
  readonly keep?: number;
  readonly merge?: true;
  readonly sandbox?: string;
};

/** Adds `run`. */
export const addRun: AddCommand = (program, finish) => {
  const command = program
    .command('run')
    .description('Run a command on this machine or on another one.')
    .argument(
      '[command...]',
      "program and arguments, not interpreted by a shell; with --tty, none is the account's login shell",
    )
    .optionsGroup('Command:')
    .option('-t, --tty', 'run the command on a terminal, attached to yours')
    .option(
      '--shell',
      "run the command as a line of the account's login shell, on a terminal an interactive one",
    )
    .addOption(
      new Option(
        '--escape-char <char>',
        'begin escape sequences with this character, or "none"; with --tty, "~." at the beginning of a line ends the ' +
          'connection (default: "~")',
      )
        .argParser(parseEscapeChar)
        .default('~', '~'),
    )
    .option('-i, --interactive', 'forward stdin even if it is a terminal and --tty is not given')
    .addOption(
      new Option('-n, --no-stdin', 'do not read stdin; the stdin of the command is empty').conflicts([
        'tty',
        'interactive',
      ]),
    )
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
    .addOption(
      new Option(
        '--keep [duration]',
        'let the command outlive a lost connection, which is opened again, for this time ' +
          `(default: ${DEFAULT_KEEP})`,
      )
        .argParser(parseKeep)
        .preset(DEFAULT_KEEP),
    )
    .option(
      '--sandbox <permissions>',
      'run the command in a sandbox: "read-only", "workspace-write" (write access to the working directory ' +
        'and the temporary directories) or a JSON file',
    )
    .passThroughOptions()
    .action(async (words: string[], options: RunCliOptions, command: Command) =>
      finish(
        await run({
          target: targetOf(command, options),
          connectTimeoutMs: options.connectTimeout,
          keepMs: options.keep,
          quiet: options.quiet ?? false,
          command: commandOf(command, words, options),
          cwd: options.cwd,
          env: withTerm(processEnv(command, options).env, options.tty),
          tty: options.tty ?? false,
          escapeChar: options.escapeChar,
          stdin: options.interactive ?? (options.stdin ? undefined : false),
          timeoutMs: options.timeout,
          merge: options.merge ?? false,
          sandbox: sandboxOf(command, options.sandbox),
        }),
      ),
    );
  addProcessOptions(command);
  addReference(command, {
    synopsis: ['[options] [--] <command> [argument...]', '[options] --shell [--] <line>', '[options] --tty'],
    description: [
      'Starts a command, forwards stdin and signals to it, and copies its output to stdout and stderr. The command gets the ' +
        'environment variables of the machine that it runs on. It ends with the connection.',
      "The command is a program and its arguments, which reach it unchanged. With --shell it is a line of the account's " +
        'login shell; several words are joined with spaces, as by ssh. With --tty and no command, the login shell is ' +
        'started. Aliases need --tty, since shells read them in interactive use only.',
      'The first SIGINT, SIGTERM, SIGHUP or SIGQUIT goes to the command, the second one kills it. If the server does not ' +
        'answer, exec-server ends the connection 2 seconds after the first of several signals, or 5 seconds after one other ' +
        'than SIGINT, and exits with 255. Before the command has started, a signal ends the connection, and the command is ' +
        'not started.',
      'With --keep, the command and its output outlive a lost connection, which is opened again by the same way: see ' +
        'docs/sessions.md. A server that does not answer a signal is connected to again. While there is no connection, ' +
        'the first signal is sent to the command later; the second one ends the wait, with exit code 255.',
      'With --tty and stdin on a terminal, "~." at the beginning of a line ends the connection, "~?" lists the escape ' +
        'sequences, and "~~" sends "~".',
    ],
    exitCodes: COMMAND_EXIT_CODES,
    examples: [
      { command: 'exec-server run -- npm test', text: 'Run a command on this machine' },
      {
        command: 'exec-server run --ssh devbox -w src/project -- make -j8',
        text: 'Run a command on another host, in a directory below the home directory',
      },
      { command: 'exec-server run --ssh devbox -t', text: 'Open the login shell of another host' },
      {
        command: "exec-server run --ssh devbox --shell -- 'git log | head'",
        text: 'Run a line of the shell of another host',
      },
      {
        command: 'exec-server run --ssh devbox --base loginInteractive -e CI=1 --timeout 5m -- npm test',
        text: 'Run a command with the variables of a login and one more, for five minutes at most',
      },
      {
        command: 'exec-server run --ssh devbox --keep=8h -- make -j8',
        text: 'Run a command on another host, which continues for up to 8 hours without a connection',
      },
      {
        command: "exec-server run --via 'docker exec -i box exec-server --stdio' -- id",
        text: 'Run a command in a container',
      },
    ],
  });
};

const commandOf = (
  command: Command,
  [program, ...args]: readonly string[],
  { shell, tty }: RunCliOptions,
): RunCommand => {
  if (program !== undefined)
    return shell ? { line: [program, ...args].join(' ') } : { argv: [program, ...args] };
  if (shell) command.error("error: option '--shell' requires a line of the shell");
  if (!tty) command.error("error: expected a command; without one, '--tty' starts the account's login shell");
  return { loginShell: true };
};

/** Time for which the session of a command waits for another connection. */
const DEFAULT_KEEP = '1h';

const parseKeep = (text: string): number => {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message} Separate the command from it with "--".`);
  }
};

const sandboxOf = (command: Command, name: string | undefined) =>
  name === undefined ? undefined : withConfigErrors(command, () => readSandbox(name));

import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { version } from '../protocol/version.ts';
import { printEnv } from './env.ts';
import { USAGE_ERROR } from './exit-codes.ts';
import { addPlaceOptions, environmentOf, forTerminal, type PlaceOptions, targetOf } from './options.ts';
import { run } from './run.ts';

/** Runs the command line and ends the process with its exit code. */
export const runCli = async (args: readonly string[]): Promise<never> => {
  let exitCode = 0;
  const program = createProgram(code => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    exitCode = error.exitCode === 0 ? 0 : USAGE_ERROR;
  }
  process.exit(exitCode);
};

const createProgram = (finish: (exitCode: number) => void): Command => {
  const program = new Command('exec-server')
    .description('Runs processes where the code is, with the environment of that machine.')
    .version(version)
    .enablePositionalOptions()
    .showSuggestionAfterError(false)
    .configureOutput({ outputError: (text, write) => write(`exec-server: ${text.replace(/^error: /, '')}`) })
    .exitOverride()
    .option('--stdio', 'serve JSON-RPC on stdin and stdout; takes no other option')
    .option('--listen <where>', 'the same as --stdio; <where> can only be "stdio"')
    .allowExcessArguments()
    .action((options: object, command: Command) => {
      const [unknown] = command.args;
      if (unknown !== undefined) command.error(`error: unknown command '${unknown}'; see --help`);
      if (Object.keys(options).length > 0) command.error("error: '--stdio' and '--listen stdio' stand alone");
      command.help({ error: true });
    });

  addPlaceOptions(program.command('run'))
    .description('run a command, on this machine unless told otherwise')
    .usage('[options] [--] <command> [argument...]')
    .argument('<command...>', 'program and arguments; no shell takes part')
    .option('-t, --tty', 'run on a terminal: yours, if you are on one')
    .option('--timeout <seconds>', 'end the command after so long', parseSeconds)
    .addOption(
      new Option('--merge', 'stdout and stderr as one stream, in the order of the writes').conflicts('tty'),
    )
    .passThroughOptions()
    .addHelpText('after', RUN_NOTES)
    .action(async (argv: [string, ...string[]], options: RunCliOptions, command: Command) =>
      finish(
        await run({
          target: targetOf(command, options),
          argv,
          cwd: options.cwd,
          environment: forTerminal(environmentOf(command, options), options.tty),
          tty: options.tty ?? false,
          timeoutMs: options.timeout,
          merge: options.merge ?? false,
        }),
      ),
    );

  addPlaceOptions(program.command('env'))
    .description('print the environment that a process would get there')
    .option('-0, --null', 'end each variable with NUL in place of a line break')
    .action(async (options: PlaceOptions & { null?: true }, command: Command) =>
      finish(
        await printEnv({
          target: targetOf(command, options),
          cwd: options.cwd,
          environment: environmentOf(command, options),
          nullEnd: options.null ?? false,
        }),
      ),
    );
  return program;
};

type RunCliOptions = PlaceOptions & {
  readonly tty?: true;
  readonly timeout?: number;
  readonly merge?: true;
};

const parseSeconds = (text: string): number => {
  const milliseconds = Math.round(Number(text) * 1000);
  if (text.trim() !== '' && milliseconds >= 1 && milliseconds < 2 ** 31) return milliseconds;
  throw new InvalidArgumentError('Expected seconds, more than 0 and at most 2147483.');
};

const RUN_NOTES = `
Exit code: the command's own, 128+n after signal n; 124 at --timeout; 125, 126 or 127 if it could
not be started, was not executable or not found; 255 if the connection failed; 2 for wrong use.
`;

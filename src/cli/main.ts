import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { printableLine } from '../core/printable.ts';
import { version } from '../protocol/version.ts';
import { parseSize } from '../server/server-args.ts';
import { doctor } from './doctor/doctor.ts';
import { printEnv } from './env.ts';
import { listEnvironments } from './environments.ts';
import { CONNECTION_FAILED, signalExitCode, USAGE_ERROR } from './exit-codes.ts';
import { explainEnv } from './explain.ts';
import {
  addPlaceOptions,
  addServerOptions,
  environmentOf,
  forTerminal,
  orComplain,
  type PlaceOptions,
  type ServerOptions,
  targetOf,
} from './options.ts';
import { complain, print, printError } from './output.ts';
import { run } from './run.ts';
import { readSandbox } from './sandbox.ts';

/** Runs the command line and ends the process with its exit code; errors are one line on stderr each. */
export const runCli = async (args: readonly string[]): Promise<never> => {
  process.on('uncaughtException', endWithDefect);
  let exitCode = 0;
  const program = createProgram(code => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) return endWithDefect(error);
    exitCode = error.exitCode === 0 ? 0 : USAGE_ERROR;
  }
  process.exit(exitCode);
};

/** Ends the process for an error that is not foreseen; a stack trace of the bundle would help nobody. */
const endWithDefect = (error: unknown): never => {
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'EPIPE') process.exit(signalExitCode('SIGPIPE'));
  const { name, message } = error instanceof Error ? error : { name: 'error', message: String(error) };
  complain(`internal error: ${name}: ${printableLine(message)}`);
  process.exit(CONNECTION_FAILED);
};

const parseMemoryLimit = (text: string): number => {
  const bytes = parseSize(text);
  if (bytes === undefined) throw new InvalidArgumentError('expected a size such as 256M, at least 32M');
  return bytes;
};

const createProgram = (finish: (exitCode: number) => void): Command => {
  const program = new Command('exec-server')
    .description('Runs processes where the code is, with the environment of that machine.')
    .version(version)
    .enablePositionalOptions()
    .showSuggestionAfterError(false)
    .configureOutput({
      writeOut: text => print(text),
      writeErr: printError,
      outputError: text => complain(text.replace(/^error: /, '').replace(/\n$/, '')),
    })
    .exitOverride()
    .option('--stdio', 'serve JSON-RPC on stdin and stdout')
    .option('--listen <where>', 'the same as --stdio; <where> can only be "stdio"')
    .option(
      '--memory-limit <size>',
      'with --stdio: bound the memory of the connection, at least 32M (default: 192M)',
      parseMemoryLimit,
    )
    .allowExcessArguments()
    .action((options: object, command: Command) => {
      const [unknown] = command.args;
      if (unknown !== undefined) command.error(`error: unknown command '${unknown}'; see --help`);
      if (Object.keys(options).length > 0)
        command.error("error: only '--memory-limit' goes with '--stdio' or '--listen stdio', after it");
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
    .option(
      '--sandbox <permissions>',
      'run in a sandbox: read-only, workspace-write (writes to --cwd and the temporary directories), or a JSON file',
    )
    .passThroughOptions()
    .addHelpText('after', RUN_NOTES)
    .action(async (argv: [string, ...string[]], options: RunCliOptions, command: Command) =>
      finish(
        await run({
          target: targetOf(command, options),
          quiet: options.quiet ?? false,
          argv,
          cwd: options.cwd,
          environment: forTerminal(environmentOf(command, options), options.tty),
          tty: options.tty ?? false,
          timeoutMs: options.timeout,
          merge: options.merge ?? false,
          sandbox: sandboxOf(command, options.sandbox),
        }),
      ),
    );

  addPlaceOptions(program.command('env'))
    .description('print the environment that a process would get there')
    .argument('[name...]', 'with --explain: the variables to tell of, all unless given')
    .option('-0, --null', 'end each variable with NUL in place of a line break')
    .addOption(
      new Option('--explain', 'tell what becomes of each variable and why, without a value').conflicts(
        'null',
      ),
    )
    .option('--json', 'with --explain: as one line of JSON')
    .action(async (names: string[], options: EnvCliOptions, command: Command) => {
      const place = {
        target: targetOf(command, options),
        quiet: options.quiet ?? false,
        environment: environmentOf(command, options),
      };
      if (options.explain) {
        finish(await explainEnv({ ...place, names, json: options.json ?? false }));
        return;
      }
      if (names.length > 0) command.error(`error: '${names[0]}': names go with '--explain'`);
      if (options.json) command.error("error: option '--json' needs '--explain'");
      finish(await printEnv({ ...place, cwd: options.cwd, nullEnd: options.null ?? false }));
    });

  program
    .command('environments')
    .description('list what --environment can name')
    .option('--environments-file <file>', 'read it in place of environments.toml in $CODEX_HOME or ~/.codex')
    .option('--json', 'as one line of JSON')
    .action((options: { environmentsFile?: string; json?: true }, command: Command) =>
      orComplain(command, () => listEnvironments(options.environmentsFile, options.json ?? false)),
    );

  addServerOptions(program.command('doctor'))
    .description('look at a server and the way to it, and say what to do')
    .option('--timeout <seconds>', 'how long each step may take (default: 30)', parseSeconds)
    .option('--json', 'as one line of JSON')
    .addHelpText('after', DOCTOR_NOTES)
    .action(async (options: DoctorCliOptions, command: Command) => {
      const target = targetOf(command, options);
      finish(
        await doctor({
          target,
          configured: options.environment !== undefined && target.location === 'remote',
          deadlineMs: options.timeout,
          json: options.json ?? false,
        }),
      );
    });
  return program;
};

type RunCliOptions = PlaceOptions & {
  readonly tty?: true;
  readonly timeout?: number;
  readonly merge?: true;
  readonly sandbox?: string;
};

type EnvCliOptions = PlaceOptions & {
  readonly null?: true;
  readonly explain?: true;
  readonly json?: true;
};

type DoctorCliOptions = ServerOptions & { readonly timeout?: number; readonly json?: true };

const sandboxOf = (command: Command, name: string | undefined) =>
  name === undefined ? undefined : orComplain(command, () => readSandbox(name));

const parseSeconds = (text: string): number => {
  const milliseconds = Math.round(Number(text) * 1000);
  if (text.trim() !== '' && milliseconds >= 1 && milliseconds < 2 ** 31) return milliseconds;
  throw new InvalidArgumentError('Expected seconds, more than 0 and at most 2147483.');
};

const RUN_NOTES = `
Exit code: the command's own, 128+n after signal n; 124 at --timeout; 125, 126 or 127 if it could
not be started, was not executable or not found; 255 if the connection failed; 2 for wrong use or
configuration.
`;

const DOCTOR_NOTES = `
Exit code: 0 if all is well, 1 for warnings, 2 for a problem or wrong use.
`;

import { Command, InvalidArgumentError, Option } from 'commander';
import { parseSize } from '../protocol/server-args.ts';
import { version } from '../protocol/version.ts';
import { withConfigErrors } from './config-files.ts';
import { doctor } from './doctor/doctor.ts';
import { printEnv } from './env.ts';
import { listEnvironments } from './environments.ts';
import { explainEnv } from './explain.ts';
import { print, printError, printMessage } from './output.ts';
import { addProcessOptions, type ProcessOptions, processEnv, withTerm } from './process-options.ts';
import { run } from './run.ts';
import { readSandbox } from './sandbox.ts';
import { addServerOptions, ENVIRONMENTS_FILE, type ServerOptions, targetOf } from './server-options.ts';

/** Takes the exit code of a command. */
type Finish = (exitCode: number) => void;

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
  addRun(program, finish);
  addEnv(program, finish);
  addEnvironments(program);
  addDoctor(program, finish);
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

type RunCliOptions = ProcessOptions & {
  readonly tty?: true;
  readonly timeout?: number;
  readonly merge?: true;
  readonly sandbox?: string;
};

const addRun = (program: Command, finish: Finish): void => {
  const command = program
    .command('run')
    .description('Run a command on this machine or on another one.')
    .usage('[options] [--] <command> [argument...]')
    .argument('<command...>', 'program and arguments, not interpreted by a shell')
    .option('-t, --tty', 'run the command on a terminal, attached to yours')
    .addOption(
      new Option('--merge', 'combine stdout and stderr on stdout, in the order of the writes').conflicts(
        'tty',
      ),
    )
    .option('--timeout <seconds>', 'kill the command after this many seconds', parseSeconds)
    .option(
      '--sandbox <permissions>',
      'run the command in a sandbox: "read-only", "workspace-write" (write access to the working directory ' +
        'and the temporary directories) or a JSON file',
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
          env: withTerm(processEnv(command, options), options.tty),
          tty: options.tty ?? false,
          timeoutMs: options.timeout,
          merge: options.merge ?? false,
          sandbox: sandboxOf(command, options.sandbox),
        }),
      ),
    );
  addProcessOptions(command);
};

const sandboxOf = (command: Command, name: string | undefined) =>
  name === undefined ? undefined : withConfigErrors(command, () => readSandbox(name));

type EnvCliOptions = ProcessOptions & {
  readonly null?: true;
  readonly explain?: true;
  readonly json?: true;
};

const addEnv = (program: Command, finish: Finish): void => {
  const command = program
    .command('env')
    .description('Print the environment variables that a process gets, or explain them.')
    .argument('[name...]', 'with --explain: variables to explain (default: all)')
    .option('-0, --null', 'end each variable with NUL instead of a line feed')
    .addOption(
      new Option(
        '--explain',
        'print if each variable is kept, removed or set, and by which rule; never a value',
      ).conflicts('null'),
    )
    .option('--json', 'with --explain: print one line of JSON')
    .addHelpText('after', ENV_NOTES)
    .action(async (names: string[], options: EnvCliOptions, command: Command) => {
      const shared = {
        target: targetOf(command, options),
        quiet: options.quiet ?? false,
        env: processEnv(command, options),
      };
      if (options.explain) {
        finish(await explainEnv({ ...shared, names, json: options.json ?? false }));
        return;
      }
      if (names.length > 0) command.error(`error: argument '${names[0]}' requires '--explain'`);
      if (options.json) command.error("error: option '--json' requires '--explain'");
      finish(await printEnv({ ...shared, cwd: options.cwd, nulTerminated: options.null ?? false }));
    });
  addProcessOptions(command);
};

const addEnvironments = (program: Command): void => {
  program
    .command('environments')
    .description('List the environments of environments.toml, with their problems.')
    .option(...ENVIRONMENTS_FILE)
    .option('--json', 'print one line of JSON')
    .action((options: { environmentsFile?: string; json?: true }, command: Command) =>
      withConfigErrors(command, () => listEnvironments(options.environmentsFile, options.json ?? false)),
    );
};

type DoctorCliOptions = ServerOptions & { readonly timeout?: number; readonly json?: true };

const addDoctor = (program: Command, finish: Finish): void => {
  const command = program
    .command('doctor')
    .description('Diagnose the connection to a server and the environment variables of its processes.')
    .option('--timeout <seconds>', 'maximum duration of each check (default: 30)', parseSeconds)
    .option('--json', 'print one line of JSON')
    .addHelpText('after', DOCTOR_NOTES)
    .action(async (options: DoctorCliOptions, command: Command) => {
      const target = targetOf(command, options);
      finish(
        await doctor({
          target,
          configured: options.environment !== undefined && target.location === 'remote',
          checkTimeoutMs: options.timeout,
          json: options.json ?? false,
        }),
      );
    });
  addServerOptions(command);
};

const parseSeconds = (text: string): number => {
  const milliseconds = Math.round(Number(text) * 1000);
  if (text.trim() !== '' && milliseconds >= 1 && milliseconds < 2 ** 31) return milliseconds;
  throw new InvalidArgumentError('Expected a number of seconds from 0.001 to 2147483.');
};

const PROGRAM_NOTES = `
See 'exec-server <command> --help' for the options of a command.
`;

const RUN_NOTES = `
Examples:
  exec-server run -- npm test
  exec-server run --ssh devbox --cwd src/project -- make -j8
  exec-server run --ssh devbox --base loginInteractive -t -- bash
  exec-server run --via 'docker exec -i box exec-server --stdio' -- id

Exit status: that of the command, or 128+n if signal n ended it;
  2    usage or configuration error
  124  the command was killed by --timeout
  125  the command could not be started
  126  the command is not executable
  127  the command was not found
  255  the connection failed
`;

const ENV_NOTES = `
Examples:
  exec-server env --ssh devbox
  exec-server env --ssh devbox --base login --explain PATH NPM_TOKEN
`;

const DOCTOR_NOTES = `
Examples:
  exec-server doctor
  exec-server doctor --ssh devbox

Exit status: 0 without warnings, 1 for warnings, 2 for a problem or a usage error
`;

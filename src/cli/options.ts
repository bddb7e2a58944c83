import { statSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ConfigError } from '../codex-config/index.ts';
import {
  commandServer,
  localServer,
  type ProcessEnv,
  REMOTE_COMMAND,
  sshServer,
  type Target,
} from '../core/index.ts';
import { quoteArgv } from '../core/quote-argv.ts';
import { EnvBase, type EnvOverlay, type EnvPolicy } from '../shared-config/index.ts';
import { callerValue, callerValueProblem } from './caller-env.ts';
import { readEnvironments, readShellPolicy } from './config-files.ts';
import { readEnvFile } from './env-file.ts';
import { environmentTarget } from './environment-target.ts';

/** Which server, and how to get to it. */
export type ServerOptions = {
  readonly ssh?: string;
  readonly via?: string;
  readonly remoteCommand?: string;
  readonly remoteProgram?: string;
  readonly environment?: string;
  readonly environmentsFile?: string;
};

/** What `run` and `env` have in common: where a process runs and with which environment. */
export type PlaceOptions = ServerOptions & {
  /** A file, or `false` for none; what applies if nothing is said depends on the place. */
  readonly config?: string | false;
  readonly quiet?: true;
  readonly cwd?: string;
  readonly env: readonly CallerVariable[];
  readonly envFile: readonly string[];
  readonly envFrom: readonly string[];
  readonly unset: readonly string[];
  readonly base?: EnvBase;
  readonly inherit?: 'all' | 'core' | 'none';
  readonly exclude: readonly string[];
  readonly includeOnly: readonly string[];
  readonly set: readonly Variable[];
  readonly ignoreDefaultExcludes?: boolean;
  readonly secretValues?: boolean;
  readonly keepLocale?: boolean;
};

type Variable = readonly [name: string, value: string];

/** A variable of `--env`; without a value where it names one that is not set here. */
type CallerVariable = readonly [name: string, value: string | undefined];

/** Adds the options that say which server. */
export const addServerOptions = (command: Command): Command =>
  command
    .addOption(new Option('--ssh <host>', 'run on this host, by your own ssh').conflicts('via'))
    .option('--via <command>', 'run behind this shell command, which gives a pipe to a server')
    .addOption(
      new Option(
        '--remote-command <command>',
        `what the shell on the host runs (default: "${REMOTE_COMMAND}")`,
      ).conflicts('remoteProgram'),
    )
    .option(
      '--remote-program <path>',
      'where exec-server is on the host; no shell reads this path',
      speakableProgram,
    )
    .addOption(
      new Option('--environment <id>', 'run where this entry of environments.toml says').conflicts([
        'ssh',
        'via',
      ]),
    )
    .option('--environments-file <file>', 'read it in place of environments.toml in $CODEX_HOME or ~/.codex');

/** Adds the options that say where and with which environment. */
export const addPlaceOptions = (command: Command): Command =>
  addServerOptions(command)
    .option('-q, --quiet', "don't tell what a login shell printed before the server spoke")
    .option('--cwd <dir>', 'directory to run in (default: the one the server runs in)')
    .addOption(
      new Option(
        '--base <which>',
        'environment there to start from: the server\'s own, or what the login shell makes (default: "process")',
      ).choices(EnvBase.options),
    )
    .option('--config <file>', 'apply the shell_environment_policy of this config.toml, below the options')
    .option('--no-config', 'apply none, where --environment would apply the one in $CODEX_HOME or ~/.codex')
    .addOption(
      new Option(
        '--inherit <which>',
        'variables to take from the environment there (default: "all")',
      ).choices(['all', 'core', 'none']),
    )
    .option('--ignore-default-excludes', 'keep variables with KEY, SECRET or TOKEN in their names')
    .option('--exclude <glob>', 'drop inherited variables by name; may be repeated', append, [])
    .option('--secret-values', 'drop inherited variables whose values look like secrets')
    .option(
      '--set <name=value>',
      'set a variable before --include-only is applied; may be repeated',
      appendVariable,
      [],
    )
    .option('--include-only <glob>', 'drop what no such pattern matches; may be repeated', append, [])
    .option(
      '--env <name[=value]>',
      'set a variable, past every filter; without "=" to the value that it has here, if it has one; may be repeated',
      appendCallerVariable,
      [],
    )
    .option(
      '--env-file <file>',
      'set the variables of this file, below --env: NAME=VALUE or NAME on each line; may be repeated',
      appendRegularFile,
      [],
    )
    .option(
      '--env-from <file>',
      'the same for any file, also a pipe; Node does not read it itself',
      append,
      [],
    )
    .option('--unset <name>', 'remove a variable, whatever set it; may be repeated', append, [])
    .option('--keep-locale', 'let LANG, LC_CTYPE and LC_ALL of --env give way to a UTF-8 locale there')
    .option('--no-ignore-default-excludes', 'undo that switch of config.toml')
    .option('--no-secret-values', 'undo that switch of config.toml')
    .option('--no-keep-locale', 'undo that switch of config.toml');

/** Where the options say to run. */
export const targetOf = (
  command: Command,
  { ssh, via, remoteCommand, remoteProgram, environment, environmentsFile }: ServerOptions,
): Target => {
  for (const [option, value] of [
    ['--remote-command <command>', remoteCommand],
    ['--remote-program <path>', remoteProgram],
  ] as const) {
    if (value !== undefined && ssh === undefined)
      command.error(`error: option '${option}' needs '--ssh <host>'`);
  }
  if (ssh !== undefined) {
    return sshServer(ssh, remoteProgram === undefined ? remoteCommand : [remoteProgram, '--stdio']);
  }
  if (via !== undefined) return { ...commandServer(['/bin/sh', '-c', via]), label: via };
  if (environmentsFile !== undefined && environment === undefined) {
    command.error("error: option '--environments-file <file>' needs '--environment <id>'");
  }
  if (environment !== undefined) {
    const target = orComplain(command, () =>
      environmentTarget(readEnvironments(environmentsFile), environment),
    );
    if (target !== undefined) return target;
  }
  // The program that is running is the server, too.
  return localServer([process.execPath, process.argv[1] as string]);
};

/** The environment that the options describe. */
export const environmentOf = (command: Command, options: PlaceOptions): ProcessEnv => {
  const both = options.unset.find(name => options.env.some(([set]) => set === name));
  if (both !== undefined) command.error(`error: options '--env' and '--unset' both name ${both}`);
  if ([...options.env, ...options.set].some(([name]) => name === '')) {
    command.error("error: options '--env' and '--set' take NAME=VALUE, with a name");
  }
  const file = orComplain(command, () => filePolicy(options)) ?? {};
  return {
    policy: {
      inherit: 'all',
      ignoreDefaultExcludes: false,
      exclude: [],
      includeOnly: [],
      ...file,
      ...askedPolicy(options),
      set: Object.fromEntries([...Object.entries(file.set ?? {}), ...options.set]),
    },
    overlay: overlayOf(command, options),
  };
};

/** What is set past every filter: by files, then by options; what is to be removed comes last. */
const overlayOf = (command: Command, { env, envFile, envFrom, unset }: PlaceOptions): EnvOverlay => {
  const files = orComplain(command, () => [...envFile, ...envFrom].flatMap(readEnvFile));
  const set = [...files, ...env.filter((variable): variable is Variable => variable[1] !== undefined)];
  return Object.fromEntries([...set, ...unset.map(name => [name, null] as const)]);
};

/** The policy of a file: of the one that is named, or of the usual one where the place comes from a file, too. */
const filePolicy = ({ config, environment }: PlaceOptions): EnvPolicy | undefined => {
  if (typeof config === 'string') return readShellPolicy(config);
  return environment !== undefined && config !== false ? readShellPolicy(undefined) : undefined;
};

/** What the options themselves say of the policy, but for `set`: a field that none speaks of is absent. */
const askedPolicy = (options: PlaceOptions): Omit<EnvPolicy, 'set'> => {
  const { base, inherit, ignoreDefaultExcludes, exclude, secretValues, includeOnly, keepLocale } = options;
  return {
    ...(base !== undefined && { base }),
    ...(inherit !== undefined && { inherit }),
    ...(ignoreDefaultExcludes !== undefined && { ignoreDefaultExcludes }),
    ...(exclude.length > 0 && { exclude: [...exclude] }),
    ...(secretValues !== undefined && { secretValues }),
    ...(includeOnly.length > 0 && { includeOnly: [...includeOnly] }),
    ...(keepLocale !== undefined && { keepLocale }),
  };
};

/** Does something with configuration files; what is wrong in one is told like a wrong option. */
export const orComplain = <Result>(command: Command, act: () => Result): Result => {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return command.error(`error: ${error.message}`);
  }
};

/** On a terminal TERM says which kind it is: ours, unless something else is asked for. */
export const forTerminal = (environment: ProcessEnv, tty: boolean | undefined): ProcessEnv => {
  if (!tty || 'exact' in environment || environment.policy?.set?.TERM !== undefined) return environment;
  return { ...environment, overlay: { TERM: process.env.TERM ?? 'xterm', ...environment.overlay } };
};

const speakableProgram = (path: string): string => {
  try {
    quoteArgv([path]);
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
  return path;
};

const append = (value: string, previous: readonly string[]): readonly string[] => [...previous, value];

/**
 * Node 20 reads the file of an argument `--env-file` before a program starts, also where it belongs to the program. A
 * pipe is empty by then.
 */
const appendRegularFile = (file: string, previous: readonly string[]): readonly string[] => {
  if (isSpecialFile(file)) throw new InvalidArgumentError('It is not a regular file; use --env-from.');
  return append(file, previous);
};

const isSpecialFile = (path: string): boolean => {
  try {
    return !statSync(path).isFile();
  } catch {
    return false; // reading it gives the reason
  }
};

const appendVariable = (text: string, previous: readonly Variable[]): readonly Variable[] => [
  ...previous,
  parseVariable(text),
];

const appendCallerVariable = (
  text: string,
  previous: readonly CallerVariable[],
): readonly CallerVariable[] => [...previous, text.includes('=') ? parseVariable(text) : fromCaller(text)];

const parseVariable = (text: string): Variable => {
  const at = text.indexOf('=');
  // It repeats the argument. One without a name is a value, and is refused later without being repeated.
  if (at < 0) throw new InvalidArgumentError('Expected NAME=VALUE.');
  return [text.slice(0, at), text.slice(at + 1)];
};

const fromCaller = (name: string): CallerVariable => {
  const value = callerValue(name);
  const problem = callerValueProblem(value);
  if (problem !== undefined) throw new InvalidArgumentError(`${problem}.`);
  return [name, value];
};

import { statSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ProcessEnv } from '../core/index.ts';
import { EnvBase, type EnvOverlay, type EnvPolicy } from '../shared-config/index.ts';
import { callerValue, isGarbled } from './caller-env.ts';
import { readShellPolicy, withConfigErrors } from './config-files.ts';
import type { FilePolicy } from './decided-by-file.ts';
import { parseDuration } from './duration.ts';
import { readEnvFile } from './env-file.ts';
import { HELP_OPTION } from './help-option.ts';
import { printMessage } from './output.ts';
import { addServerOptions, type ServerOptions } from './server-options.ts';

/** Options of the commands that start a process. */
export type ProcessOptions = ServerOptions & {
  readonly cwd?: string;
  readonly quiet?: true;
  /** Milliseconds; infinity for no limit. */
  readonly connectTimeout?: number;
  /** A file, or `false` for none; the default depends on `environment`. */
  readonly config?: string | false;
  readonly strictConfig?: true;
  readonly base?: EnvBase;
  readonly inherit?: 'all' | 'core' | 'none';
  readonly ignoreDefaultExcludes?: boolean;
  readonly exclude: readonly string[];
  readonly secretValues?: boolean;
  readonly set: readonly Variable[];
  readonly includeOnly: readonly string[];
  readonly env: readonly CallerVariable[];
  readonly envFile: readonly string[];
  readonly envFrom: readonly string[];
  readonly unset: readonly string[];
  readonly keepLocale?: boolean;
};

type Variable = readonly [name: string, value: string];

/** Variable of `--env`; without a value if the option names one that the caller has not set. */
type CallerVariable = readonly [name: string, value: string | undefined];

/** Adds the options for the working directory, the server and the env. */
export const addProcessOptions = (command: Command): Command =>
  addServerOptions(
    command.option(
      '-w, --cwd <dir>',
      'working directory of the process (default: that of the server); "~" is the home directory there',
    ),
  )
    .option(
      '--connect-timeout <duration>',
      'fail after this time without an answer of the server: seconds, with a unit such as 5m, or "none" (default: 30)',
      parseConnectTimeout,
    )
    .optionsGroup('Environment variables (steps in this order):')
    .addOption(
      new Option(
        '--base <base>',
        'start from "process" (the variables of the server, the default), "login" or "loginInteractive" ' +
          "(those of the account's login shell)",
      ).choices(EnvBase.options),
    )
    .option('--config <file>', 'apply shell_environment_policy of this config.toml, overridden by options')
    .option('--no-config', 'ignore config.toml in $CODEX_HOME or ~/.codex, which --environment applies')
    .option('--strict-config', 'fail if shell_environment_policy has an unknown key, instead of a warning')
    .addOption(
      new Option(
        '--inherit <which>',
        'keep "all" variables of the base (the default), "core" or "none"',
      ).choices(['all', 'core', 'none']),
    )
    .option('--ignore-default-excludes', 'keep variables with KEY, SECRET or TOKEN in the name')
    .option('--exclude <glob>', 'remove variables of the base by name (repeatable)', append, [])
    .option('--secret-values', 'remove variables of the base whose value looks like a secret')
    .option(
      '--set <name=value>',
      'set a variable, subject to --include-only (repeatable)',
      appendVariable,
      [],
    )
    .option('--include-only <glob>', 'remove variables that match no such pattern (repeatable)', append, [])
    .option(
      '--env-file <file>',
      'set variables from a file of NAME=VALUE and NAME lines, overridden by --env (repeatable)',
      appendRegularFile,
      [],
    )
    .option('--env-from <file>', 'like --env-file, also for pipes (repeatable)', append, [])
    .option(
      '-e, --env <name[=value]>',
      'set a variable after all filters; without "=", copy it from the caller (repeatable)',
      appendCallerVariable,
      [],
    )
    .option('--unset <name>', 'remove a variable, even if another option sets it (repeatable)', append, [])
    .option('--keep-locale', 'prefer a UTF-8 locale of the base to LANG, LC_CTYPE and LC_ALL of --env')
    .option('--no-ignore-default-excludes', OVERRIDE)
    .option('--no-secret-values', OVERRIDE)
    .option('--no-keep-locale', OVERRIDE)
    .optionsGroup('Other options:')
    .option('-q, --quiet', 'do not report start-up output of the remote shell')
    .helpOption(...HELP_OPTION);

const parseConnectTimeout = (text: string): number =>
  text === 'none' ? Number.POSITIVE_INFINITY : parseDuration(text);

const OVERRIDE = 'override the setting of config.toml';

/** Env that the options describe, and the part of its policy that comes from a configuration file. */
export const processEnv = (
  command: Command,
  options: ProcessOptions,
): { readonly env: ProcessEnv; readonly filePolicy: FilePolicy | undefined } => {
  const both = options.unset.find(name => options.env.some(([set]) => set === name));
  if (both !== undefined) command.error(`error: options '--env' and '--unset' both name ${both}`);
  if ([...options.env, ...options.set].some(([name]) => name === '')) {
    command.error("error: options '--env' and '--set' expect NAME=VALUE, received no name");
  }
  const filePolicy = withConfigErrors(command, () => policyOfFile(options));
  const ofOptions = policyOfOptions(options);
  const file = filePolicy?.fields ?? {};
  const env: ProcessEnv = {
    policy: {
      inherit: 'all',
      ignoreDefaultExcludes: false,
      exclude: [],
      includeOnly: [],
      ...file,
      ...ofOptions,
      set: Object.fromEntries([...Object.entries(file.set ?? {}), ...options.set]),
    },
    overlay: overlayOf(command, options),
  };
  return { env, filePolicy: filePolicy && withoutOverridden(filePolicy, ofOptions, options.set) };
};

/** The fields of the file that no option overrides. */
const withoutOverridden = (
  { file, fields: { set = {}, ...fields } }: FilePolicy,
  ofOptions: EnvPolicy,
  setByOptions: readonly Variable[],
): FilePolicy => ({
  file,
  fields: {
    ...omit(fields, Object.keys(ofOptions)),
    set: omit(
      set ?? {},
      setByOptions.map(([name]) => name),
    ),
  },
});

const omit = <Fields extends object>(fields: Fields, names: readonly string[]): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name))) as Fields;

/** Adds TERM of this program, the type of the terminal, unless an option sets or removes it. */
export const withTerm = (env: ProcessEnv, tty: boolean | undefined): ProcessEnv => {
  if (!tty || 'exact' in env || env.policy?.set?.TERM !== undefined) return env;
  return { ...env, overlay: { TERM: process.env.TERM ?? 'xterm', ...env.overlay } };
};

/** Variables set after all filters: by files, then by options; removed names come last. */
const overlayOf = (command: Command, { env, envFile, envFrom, unset }: ProcessOptions): EnvOverlay => {
  const files = withConfigErrors(command, () => [...envFile, ...envFrom].flatMap(readEnvFile));
  const set = [...files, ...env.filter((variable): variable is Variable => variable[1] !== undefined)];
  return Object.fromEntries([...set, ...unset.map(name => [name, null] as const)]);
};

/** Policy of the named file; with `--environment`, that of the default file. */
const policyOfFile = ({
  config,
  environment,
  strictConfig: strict,
  quiet,
}: ProcessOptions): FilePolicy | undefined => {
  if (config === false || (config === undefined && environment === undefined)) return undefined;
  const onWarning = (message: string) => {
    if (!quiet) printMessage(`warning: ${message}`);
  };
  return readShellPolicy(config, { ...(strict && { strict }), onWarning });
};

/** Fields of the policy that options set, except `set`. */
const policyOfOptions = (options: ProcessOptions): Omit<EnvPolicy, 'set'> => {
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

const append = (value: string, previous: readonly string[]): readonly string[] => [...previous, value];

/**
 * Appends a file that can be read twice: Node 20 reads the file of an argument `--env-file` before the program starts,
 * even if the argument is the program's. A pipe is empty by then.
 */
const appendRegularFile = (file: string, previous: readonly string[]): readonly string[] => {
  if (isSpecialFile(file)) throw new InvalidArgumentError('Not a regular file; use --env-from.');
  return append(file, previous);
};

const isSpecialFile = (path: string): boolean => {
  try {
    return !statSync(path).isFile();
  } catch {
    return false; // reading it reports the reason
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
  // The error quotes the argument. One without a name can be a secret; `processEnv` refuses it without quoting.
  if (at < 0) throw new InvalidArgumentError('Expected NAME=VALUE.');
  return [text.slice(0, at), text.slice(at + 1)];
};

const fromCaller = (name: string): CallerVariable => {
  const value = callerValue(name);
  if (isGarbled(value)) throw new InvalidArgumentError('The local value is not valid UTF-8.');
  return [name, value];
};

import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  commandServer,
  localServer,
  type ProcessEnvironment,
  REMOTE_COMMAND,
  sshServer,
  type Target,
} from '../core/index.ts';

/** What `run` and `env` have in common: where a process runs and with which environment. */
export type PlaceOptions = {
  readonly ssh?: string;
  readonly via?: string;
  readonly remoteCommand?: string;
  readonly cwd?: string;
  readonly env: readonly Variable[];
  readonly unset: readonly string[];
  readonly inherit: 'all' | 'core' | 'none';
  readonly exclude: readonly string[];
  readonly includeOnly: readonly string[];
  readonly set: readonly Variable[];
  readonly ignoreDefaultExcludes?: true;
};

type Variable = readonly [name: string, value: string];

/** Adds the options that say where and with which environment. */
export const addPlaceOptions = (command: Command): Command =>
  command
    .addOption(new Option('--ssh <host>', 'run on this host, by your own ssh').conflicts('via'))
    .option('--via <command>', 'run behind this shell command, which gives a pipe to a server')
    .option('--remote-command <command>', `what ssh runs on the host (default: "${REMOTE_COMMAND}")`)
    .option('--cwd <dir>', 'directory to run in (default: the one the server runs in)')
    .addOption(
      new Option('--inherit <which>', 'variables to take from the environment there')
        .choices(['all', 'core', 'none'])
        .default('all'),
    )
    .option('--ignore-default-excludes', 'keep variables with KEY, SECRET or TOKEN in their names')
    .option('--exclude <glob>', 'drop inherited variables by name; may be repeated', append, [])
    .option(
      '--set <name=value>',
      'set a variable before --include-only is applied; may be repeated',
      appendVariable,
      [],
    )
    .option('--include-only <glob>', 'drop what no such pattern matches; may be repeated', append, [])
    .option('--env <name=value>', 'set a variable, past every filter; may be repeated', appendVariable, [])
    .option('--unset <name>', 'remove a variable, whatever set it; may be repeated', append, []);

/** Where the options say to run. */
export const targetOf = (command: Command, { ssh, via, remoteCommand }: PlaceOptions): Target => {
  if (remoteCommand !== undefined && ssh === undefined) {
    command.error("error: option '--remote-command <command>' needs '--ssh <host>'");
  }
  if (ssh !== undefined) return sshServer(ssh, remoteCommand);
  if (via !== undefined) return { ...commandServer(['/bin/sh', '-c', via]), label: via };
  // The program that is running is the server, too.
  return localServer([process.execPath, process.argv[1] as string]);
};

/** The environment that the options describe. */
export const environmentOf = (command: Command, options: PlaceOptions): ProcessEnvironment => {
  const both = options.unset.find(name => options.env.some(([set]) => set === name));
  if (both !== undefined) command.error(`error: options '--env' and '--unset' both name ${both}`);
  return {
    policy: {
      inherit: options.inherit,
      ignoreDefaultExcludes: options.ignoreDefaultExcludes ?? false,
      exclude: [...options.exclude],
      includeOnly: [...options.includeOnly],
      set: Object.fromEntries(options.set),
    },
    overlay: Object.fromEntries([...options.env, ...options.unset.map(name => [name, null] as const)]),
  };
};

/** On a terminal TERM says which kind it is: ours, unless something else is asked for. */
export const forTerminal = (
  environment: ProcessEnvironment,
  tty: boolean | undefined,
): ProcessEnvironment => {
  if (!tty || 'exact' in environment || environment.policy?.set?.TERM !== undefined) return environment;
  return { ...environment, overlay: { TERM: process.env.TERM ?? 'xterm', ...environment.overlay } };
};

const append = (value: string, previous: readonly string[]): readonly string[] => [...previous, value];

const appendVariable = (text: string, previous: readonly Variable[]): readonly Variable[] => {
  const at = text.indexOf('=');
  if (at <= 0) throw new InvalidArgumentError('Expected NAME=VALUE.');
  return [...previous, [text.slice(0, at), text.slice(at + 1)]];
};

import { type Command, InvalidArgumentError, Option } from 'commander';
import { commandServer, localServer, REMOTE_COMMAND, sshServer, type Target } from '../core/index.ts';
import { quoteArgv } from '../core/quote-argv.ts';
import { readEnvironments, withConfigErrors } from './config-files.ts';
import { environmentTarget } from './environment-target.ts';

/** Options of all commands that connect to a server. */
export type ServerOptions = {
  readonly ssh?: string;
  readonly via?: string;
  readonly remoteCommand?: string;
  readonly remoteProgram?: string;
  readonly environment?: string;
  readonly environmentsFile?: string;
};

export const ENVIRONMENTS_FILE = [
  '--environments-file <file>',
  'read this file instead of environments.toml in $CODEX_HOME or ~/.codex',
] as const;

export const addServerOptions = (command: Command): Command =>
  command
    .optionsGroup('Server (default: this machine):')
    .addOption(selector('--ssh <host>', 'connect to this host, using your ssh client and configuration'))
    .option(
      '--remote-program <path>',
      'path of exec-server on the ssh host, not interpreted by a shell',
      parseRemoteProgram,
    )
    .addOption(
      new Option(
        '--remote-command <command>',
        `shell command that starts the server on the ssh host (default: "${REMOTE_COMMAND}")`,
      )
        .argParser(notEmpty)
        .conflicts('remoteProgram'),
    )
    .addOption(selector('--via <command>', 'connect to the server on stdin and stdout of this shell command'))
    .addOption(selector('--environment <id>', 'connect to this environment of environments.toml'))
    .option(...ENVIRONMENTS_FILE);

/** Names of the options that select a server; only one of them can be used, and only once. */
export const SELECTORS: readonly string[] = ['ssh', 'via', 'environment'];

const selector = (flags: string, description: string): Option => {
  const option = new Option(flags, description).argParser(once);
  return option.conflicts(SELECTORS.filter(name => name !== option.attributeName()));
};

const once = (value: string, previous: string | undefined): string => {
  if (previous === undefined) return notEmpty(value);
  throw new InvalidArgumentError(`The option is already set to '${previous}'; one server can be selected.`);
};

/** An empty value comes from an unset variable, as in `--ssh "$HOST"`. */
const notEmpty = (value: string): string => {
  if (value.trim() !== '') return value;
  throw new InvalidArgumentError('Expected a value, received an empty one.');
};

/** Server that the options select. */
export const targetOf = (
  command: Command,
  { ssh, via, remoteCommand, remoteProgram, environment, environmentsFile }: ServerOptions,
): Target => {
  for (const [option, value] of [
    ['--remote-command <command>', remoteCommand],
    ['--remote-program <path>', remoteProgram],
  ] as const) {
    if (value !== undefined && ssh === undefined)
      command.error(`error: option '${option}' requires '--ssh <host>'`);
  }
  if (ssh !== undefined) {
    return sshServer(ssh, remoteProgram === undefined ? remoteCommand : [remoteProgram, '--stdio']);
  }
  if (via !== undefined) return { ...commandServer(['/bin/sh', '-c', via]), label: via };
  if (environmentsFile !== undefined && environment === undefined) {
    command.error("error: option '--environments-file <file>' requires '--environment <id>'");
  }
  if (environment !== undefined) {
    const target = withConfigErrors(command, () =>
      environmentTarget(readEnvironments(environmentsFile), environment),
    );
    if (target !== undefined) return target;
  }
  // This program is also the server.
  return localServer([process.execPath, process.argv[1] as string]);
};

const parseRemoteProgram = (path: string): string => {
  try {
    quoteArgv([path]);
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
  return path;
};

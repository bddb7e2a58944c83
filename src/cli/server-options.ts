import { statSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  commandServer,
  containerServer,
  localServer,
  type Pod,
  podServer,
  shellServer,
  sshCommandServer,
  sshServer,
  type Target,
} from '../core/index.ts';
import { quoteArgv } from '../core/quote-argv.ts';
import { readEnvironments, withConfigErrors } from './config-files.ts';
import { environmentTarget } from './environment-target.ts';

/** Options of all commands that connect to a server. */
export type ServerOptions = {
  readonly ssh?: string;
  readonly sshCommand?: string;
  readonly docker?: string;
  readonly podman?: string;
  readonly kube?: Pod;
  readonly viaShell?: string;
  readonly via?: string;
  readonly runtime?: string;
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
    .option('--ssh-command <command>', 'shell command to use in place of ssh; host and command are appended')
    .addOption(selector('--docker <container>', 'connect to this container by docker exec'))
    .addOption(selector('--podman <container>', 'connect to this container by podman exec'))
    .addOption(selector('--kube <pod>', 'connect to [NAMESPACE/]POD[:CONTAINER] by kubectl exec', parsePod))
    .addOption(
      selector(
        '--via-shell <command>',
        'connect to a host on which this command runs a program, which is appended',
      ),
    )
    .option('--runtime <file>', 'Node for a host that has none (default: a package from npm)')
    .option(
      '--remote-program <path>',
      'path of exec-server on the ssh host, not interpreted by a shell',
      parseRemoteProgram,
    )
    .addOption(
      new Option(
        '--remote-command <command>',
        'shell command that starts the server on the ssh host (default: install the server if necessary)',
      )
        .argParser(notEmpty)
        .conflicts('remoteProgram'),
    )
    .addOption(selector('--via <command>', 'connect to the server on stdin and stdout of this shell command'))
    .addOption(selector('--environment <id>', 'connect to this environment of environments.toml'))
    .option(...ENVIRONMENTS_FILE);

/** Names of the options that select a server; only one of them can be used, and only once. */
export const SELECTORS: readonly string[] = [
  'ssh',
  'docker',
  'podman',
  'kube',
  'viaShell',
  'via',
  'environment',
];

const selector = (
  flags: string,
  description: string,
  parse: (value: string) => unknown = value => value,
): Option => {
  const option = new Option(flags, description).argParser((value, previous) => parse(once(value, previous)));
  return option.conflicts(SELECTORS.filter(name => name !== option.attributeName()));
};

const once = (value: string, previous: unknown): string => {
  if (previous === undefined) return notEmpty(value);
  const set = typeof previous === 'string' ? ` to '${previous}'` : '';
  throw new InvalidArgumentError(`The option is already set${set}; one server can be selected.`);
};

/** An empty value comes from an unset variable, as in `--ssh "$HOST"`. */
const notEmpty = (value: string): string => {
  if (value.trim() !== '') return value;
  throw new InvalidArgumentError('Expected a value, received an empty one.');
};

/** Server that the options select. */
export const targetOf = (command: Command, options: ServerOptions): Target => {
  const target = selectedTarget(command, options);
  const { runtime } = options;
  if (runtime === undefined) return target;
  if (target.shell === undefined)
    command.error("error: option '--runtime <file>' is for a host on which the server is installed");
  // Otherwise a wrong name would be noticed by the first host without Node.
  if (statSync(runtime, { throwIfNoEntry: false })?.isFile() !== true)
    command.error(`error: option '--runtime <file>': expected a file, found none at ${runtime}`);
  return { ...target, runtimeFile: runtime };
};

const selectedTarget = (
  command: Command,
  {
    ssh,
    sshCommand,
    docker,
    podman,
    kube,
    viaShell,
    via,
    remoteCommand,
    remoteProgram,
    environment,
    environmentsFile,
  }: ServerOptions,
): Target => {
  for (const [option, value] of [
    ['--ssh-command <command>', sshCommand],
    ['--remote-command <command>', remoteCommand],
    ['--remote-program <path>', remoteProgram],
  ] as const) {
    if (value !== undefined && ssh === undefined)
      command.error(`error: option '${option}' requires '--ssh <host>'`);
  }
  if (ssh !== undefined) {
    const server = remoteProgram === undefined ? remoteCommand : ([remoteProgram, '--stdio'] as const);
    return sshCommand === undefined
      ? sshServer(ssh, server)
      : sshCommandServer(['/bin/sh', '-c', `${sshCommand} "$@"`, 'sh'], ssh, server);
  }
  try {
    if (docker !== undefined) return containerServer(docker, 'docker');
    if (podman !== undefined) return containerServer(podman, 'podman');
    if (kube !== undefined) return podServer(kube);
  } catch (error) {
    command.error(`error: ${(error as Error).message}`);
  }
  if (viaShell !== undefined) return shellServer(['/bin/sh', '-c', `${viaShell} "$@"`, 'sh'], viaShell);
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

const parsePod = (text: string): Pod => {
  const [, namespace, pod = '', container] = /^(?:([^/:]*)\/)?([^/:]*)(?::([^/:]*))?$/.exec(text) ?? [];
  if (pod === '') throw new InvalidArgumentError('Expected [NAMESPACE/]POD[:CONTAINER].');
  return { namespace, pod, container };
};

const parseRemoteProgram = (path: string): string => {
  try {
    quoteArgv([path]);
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
  return path;
};

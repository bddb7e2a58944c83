import { fileURLToPath } from 'node:url';
import type { EnvOverlay } from '../shared-config/index.ts';
import { quoteArgv } from './quote-argv.ts';

/** A program that connects to a server, and the location of that server. */
export type Target = {
  /** The program to run; its stdin and stdout are the connection. */
  readonly argv: readonly [string, ...string[]];
  /** `local`: processes get an exact environment, built on this side. `remote`: that of the server, by policy. */
  readonly location: 'local' | 'remote';
  /** Name of the server in messages. */
  readonly label: string;
  /** Variables that are set for the program; `null` removes a name. */
  readonly env?: EnvOverlay | undefined;
  /** Working directory of the program. Default: that of this process. */
  readonly cwd?: string | undefined;
  /**
   * The way to a shell on a host, in place of a server: the program executes a command that is appended to `argv`, and
   * `connect` starts the server of this package by it, which is installed if necessary. `line`: one command line for the
   * login shell, as `ssh` takes it. `words`: program and arguments, as `docker exec` takes them.
   */
  readonly shell?: 'line' | 'words' | undefined;
  /** A file that contains Node for the host, in place of one from npm. */
  readonly runtimeFile?: string | undefined;
  /** Time limit of the answer to `initialize`, in milliseconds. Default: none. */
  readonly initializeTimeoutMs?: number | undefined;
};

/**
 * Returns the target of a server on this machine.
 *
 * @param program the command that runs `exec-server`. Default: that of this package, with this Node
 */
export const localServer = (program: readonly [string, ...string[]] = packagedProgram()): Target => ({
  argv: [...program, '--stdio'],
  location: 'local',
  label: 'this machine',
});

/**
 * Returns the target of a server on another host, reached by the `ssh` of the user. The address, key and jump hosts are
 * those of the ssh configuration.
 *
 * @param host a host or alias as `ssh` accepts it: `devbox`, `me@10.0.0.5`, `ssh://me@devbox:2222`
 * @param command the command that starts the server on the host: a command line for the user's shell, or program and
 * arguments, which are quoted for any Unix shell. Default: `connect` installs the server of this package if necessary
 * @throws {RangeError} for an empty host or command, and for arguments that cannot be quoted
 */
export const sshServer = (host: string, command?: string | readonly [string, ...string[]]): Target =>
  // -T: a terminal would translate line ends and echo. --: a host is never an option.
  throughSsh(['ssh', '-T', '--', host], host, command);

/**
 * Returns the same target, reached by another program than `ssh`: a wrapper, or `ssh` with options. Host and command are
 * appended to its arguments, nothing else.
 *
 * @param program `['tsh', 'ssh']`
 * @throws {RangeError} also for a host that begins with `-`
 */
export const sshCommandServer = (
  program: readonly [string, ...string[]],
  host: string,
  command?: string | readonly [string, ...string[]],
): Target => {
  if (host.startsWith('-')) throw new RangeError(`host: expected a host, received ${JSON.stringify(host)}`);
  return throughSsh([...program, host], host, command);
};

const throughSsh = (
  argv: Target['argv'],
  label: string,
  command: string | readonly [string, ...string[]] | undefined,
): Target => {
  if (label.trim() === '')
    throw new RangeError('host: expected a host name or an alias, received an empty one');
  if (command === undefined) return { argv, shell: 'line', location: 'remote', label };
  const line = typeof command === 'string' ? command : quoteArgv(command);
  // ssh would start a login shell.
  if (line.trim() === '') throw new RangeError('command: expected a command line, received an empty one');
  return { argv: [...argv, line], location: 'remote', label };
};

/** Returns the target of a server that a command reaches by its stdin and stdout: `docker exec -i box exec-server --stdio`. */
export const commandServer = (
  argv: readonly [string, ...string[]],
  {
    label = argv.join(' '),
    ...options
  }: Partial<Pick<Target, 'label' | 'env' | 'cwd' | 'initializeTimeoutMs'>> = {},
): Target => ({ argv, location: 'remote', label, ...options });

/**
 * Returns the target of a container on this machine. `connect` installs the server in it if necessary.
 *
 * @param name name or id of a running container
 * @throws {RangeError} for a name that no container can have
 */
export const containerServer = (name: string, engine: 'docker' | 'podman' = 'docker'): Target => {
  assertName(name, 'container');
  return shellServer([engine, 'exec', '-i', name], name);
};

/** A pod of a Kubernetes cluster. */
export type Pod = {
  /** Default: that of the context of kubectl. */
  readonly namespace?: string | undefined;
  readonly pod: string;
  /** Default: the default container of the pod. */
  readonly container?: string | undefined;
};

/**
 * Returns the target of a container in a pod, reached by the `kubectl` of the user. `connect` installs the server in it if
 * necessary.
 *
 * @throws {RangeError} for names that Kubernetes does not allow
 */
export const podServer = ({ namespace, pod, container }: Pod): Target => {
  for (const [name, field] of [
    [namespace, 'namespace'],
    [pod, 'pod'],
    [container, 'container'],
  ] as const)
    if (name !== undefined) assertName(name, field);
  const options = [
    ...(namespace === undefined ? [] : ['--namespace', namespace]),
    ...(container === undefined ? [] : ['--container', container]),
  ];
  return shellServer(['kubectl', 'exec', '-i', ...options, pod, '--'], pod);
};

/**
 * Returns the target of a host on which a command runs a program: `podman exec -i box`, to which `sh -c …` is appended.
 * `connect` installs the server there if necessary.
 */
export const shellServer = (argv: readonly [string, ...string[]], label = argv.join(' ')): Target => ({
  argv,
  shell: 'words',
  location: 'remote',
  label,
});

/** Names that are no options, and need no quotes. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

const assertName = (name: string, field: string): void => {
  if (NAME.test(name)) return;
  throw new RangeError(
    `${field}: expected letters, digits, "_", "." and "-", received ${JSON.stringify(name)}`,
  );
};

// The same from src/core and from dist/core.
const packagedProgram = (): [string, string] => [
  process.execPath,
  fileURLToPath(new URL('../../dist/exec-server.cjs', import.meta.url)),
];

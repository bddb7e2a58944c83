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

/** The default command line for the shell of a host. */
export const REMOTE_COMMAND = 'exec-server --stdio';

/**
 * Returns the target of a server on another host, reached by the `ssh` of the user. The address, key and jump hosts are
 * those of the ssh configuration.
 *
 * @param host a host or alias as `ssh` accepts it: `devbox`, `me@10.0.0.5`, `ssh://me@devbox:2222`
 * @param command the command that starts the server on the host: a command line for the user's shell, or program and
 * arguments, which are quoted for any Unix shell
 * @throws {RangeError} for an empty host or command, and for arguments that cannot be quoted
 */
export const sshServer = (
  host: string,
  command: string | readonly [string, ...string[]] = REMOTE_COMMAND,
): Target => {
  const line = typeof command === 'string' ? command : quoteArgv(command);
  if (host.trim() === '')
    throw new RangeError('host: expected a host name or an alias, received an empty one');
  // ssh would start a login shell.
  if (line.trim() === '') throw new RangeError('command: expected a command line, received an empty one');
  return {
    // -T: a terminal would translate line ends and echo. --: a host is never an option.
    argv: ['ssh', '-T', '--', host, line],
    location: 'remote',
    label: host,
  };
};

/** Returns the target of a server that a command reaches by its stdin and stdout: `docker exec -i box exec-server --stdio`. */
export const commandServer = (
  argv: readonly [string, ...string[]],
  {
    label = argv.join(' '),
    ...options
  }: Partial<Pick<Target, 'label' | 'env' | 'cwd' | 'initializeTimeoutMs'>> = {},
): Target => ({ argv, location: 'remote', label, ...options });

// The same from src/core and from dist/core.
const packagedProgram = (): [string, string] => [
  process.execPath,
  fileURLToPath(new URL('../../dist/exec-server.cjs', import.meta.url)),
];

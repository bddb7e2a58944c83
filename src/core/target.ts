import { fileURLToPath } from 'node:url';

/** How to get a pipe to a server, and whose environment its processes start from. */
export type Target = {
  /** What to run; its stdin and stdout are the connection. */
  readonly argv: readonly [string, ...string[]];
  /** `local`: processes get an exact environment, made here. `remote`: they get the server's, by policy. */
  readonly location: 'local' | 'remote';
  /** What to call it in messages. */
  readonly label: string;
};

/**
 * A server on this machine.
 *
 * @param program how to run `exec-server`; by default the one of this package, on this Node
 */
export const localServer = (program: readonly [string, ...string[]] = packagedProgram()): Target => ({
  argv: [...program, '--stdio'],
  location: 'local',
  label: 'this machine',
});

/** What the host's shell is asked to run, unless a target names something else. */
export const REMOTE_COMMAND = 'exec-server --stdio';

/**
 * A server on another host, by the user's own `ssh`. Which address, key and jump hosts that means is in
 * the user's ssh configuration, which is read by ssh alone.
 *
 * @param host a host or alias as `ssh` takes it: `devbox`, `me@10.0.0.5`, `ssh://me@devbox:2222`
 * @param command the command line that starts the server there; the user's shell on the host reads it
 */
export const sshServer = (host: string, command = REMOTE_COMMAND): Target => ({
  // No terminal: it would translate line ends and echo. `--`: a host is never an option.
  argv: ['ssh', '-T', '--', host, command],
  location: 'remote',
  label: host,
});

/** A server behind any command that gives a pipe to one: `docker exec -i box exec-server --stdio`, … */
export const commandServer = (argv: readonly [string, ...string[]]): Target => ({
  argv,
  location: 'remote',
  label: argv.join(' '),
});

// From src/core and from dist/core alike.
const packagedProgram = (): [string, string] => [
  process.execPath,
  fileURLToPath(new URL('../../dist/exec-server.cjs', import.meta.url)),
];

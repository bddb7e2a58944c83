import { fileURLToPath } from 'node:url';
import type { EnvOverlay } from '../shared-config/index.ts';
import { quoteArgv } from './quote-argv.ts';

/** How to get a pipe to a server, and whose environment its processes start from. */
export type Target = {
  /** What to run; its stdin and stdout are the connection. */
  readonly argv: readonly [string, ...string[]];
  /** `local`: processes get an exact environment, made here. `remote`: they get the server's, by policy. */
  readonly location: 'local' | 'remote';
  /** What to call it in messages. */
  readonly label: string;
  /** Laid over the environment that the program gets; `null` removes a name. */
  readonly env?: EnvOverlay | undefined;
  /** Where the program runs. Default: where this process does. */
  readonly cwd?: string | undefined;
  /** How long the server may take until it answers `initialize`, in milliseconds. Default: for ever. */
  readonly initializeTimeoutMs?: number | undefined;
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
 * @param command what starts the server there: a command line, which the user's shell on the host reads, or
 * program and arguments, which arrive as they are, whatever is in them and whichever Unix shell that is
 * @throws {RangeError} for program and arguments that no command line can say; see `quoteArgv`
 */
export const sshServer = (
  host: string,
  command: string | readonly [string, ...string[]] = REMOTE_COMMAND,
): Target => ({
  // No terminal: it would translate line ends and echo. `--`: a host is never an option.
  argv: ['ssh', '-T', '--', host, typeof command === 'string' ? command : quoteArgv(command)],
  location: 'remote',
  label: host,
});

/** A server behind any command that gives a pipe to one: `docker exec -i box exec-server --stdio`, … */
export const commandServer = (
  argv: readonly [string, ...string[]],
  {
    label = argv.join(' '),
    ...options
  }: Partial<Pick<Target, 'label' | 'env' | 'cwd' | 'initializeTimeoutMs'>> = {},
): Target => ({ argv, location: 'remote', label, ...options });

// From src/core and from dist/core alike.
const packagedProgram = (): [string, string] => [
  process.execPath,
  fileURLToPath(new URL('../../dist/exec-server.cjs', import.meta.url)),
];

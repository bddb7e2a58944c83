import type { ChildProcess } from 'node:child_process';
import { PassThrough, Readable, type Writable } from 'node:stream';
import spawn from 'cross-spawn';
import { settledWithin } from '../system/deadline.ts';
import type { Target } from './target.ts';
import { TextTail } from './text-tail.ts';

/** How the program that carried a connection ended. */
export type TransportEnd = {
  /** The program's name: `ssh`, … */
  readonly program: string;
  /** Why it could not be started at all: `ENOENT`, … */
  readonly errno?: string;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Its last lines on stderr. */
  readonly stderr: readonly string[];
};

/** A running program whose stdin and stdout lead to a server. */
export type Transport = {
  readonly input: Readable;
  readonly output: Writable;
  readonly stderr: Readable;
  readonly ended: Promise<TransportEnd>;
  /** Ends the program by the end of its stdin and, if it takes too long, by signals. */
  close(): Promise<void>;
  /** Ends the program by signals alone. */
  abort(): Promise<void>;
};

const STDERR_BYTES = 16 * 1024;
const STDERR_LINES = 10;

/** Longer than a server takes to end its processes. */
const CLOSE_GRACE_MS = 5000;
const TERM_GRACE_MS = 1000;

/** Runs a target's program. That it can't be started is told by `ended`. */
export const openTransport = (target: Target, env: NodeJS.ProcessEnv): Transport => {
  const { argv, detached } = apartFromTerminal(target, env, process.platform);
  const child = spawn(argv[0], argv.slice(1), {
    env,
    cwd: target.cwd,
    detached,
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
  });
  // A child that was not started for lack of descriptors has no streams.
  const output = child.stdin ?? new PassThrough().resume();
  const input = child.stdout ?? Readable.from([]);
  const errors = child.stderr ?? Readable.from([]);
  const stderr = new TextTail(STDERR_BYTES);
  errors.on('data', (chunk: Buffer) => stderr.push(chunk));
  // The connection's reader and writer tell of a broken pipe; a listener keeps it from being thrown.
  for (const stream of [output, input, errors]) stream.on('error', () => {});

  const ended = new Promise<TransportEnd>(resolve => {
    const end = (exitCode: number | null, signal: NodeJS.Signals | null, errno?: string) =>
      resolve({
        program: target.argv[0],
        exitCode,
        signal,
        stderr: stderr.lines(STDERR_LINES),
        ...(errno !== undefined && { errno }),
      });
    child.on('close', end);
    child.on('error', (error: NodeJS.ErrnoException) => end(null, null, error.code ?? 'UNKNOWN'));
  });

  return {
    input,
    output,
    stderr: errors,
    ended,
    close: () => close(child, ended),
    abort: () => abort(child, ended),
  };
};

/**
 * Keeps a Ctrl-C at Core's terminal from reaching the connection, which would take every process with it:
 * what an interrupt means is Core's to decide. A local server gets a session of its own. What may have to
 * ask for a password needs the terminal, so it stays there and ignores the signals of the keyboard.
 */
export const apartFromTerminal = (
  { argv, location }: Target,
  env: NodeJS.ProcessEnv,
  platform: NodeJS.Platform,
): { argv: readonly [string, ...string[]]; detached: boolean } => {
  if (platform === 'win32') return { argv, detached: false };
  if (location === 'local') return { argv, detached: true };
  const added = SHELL_VARIABLES.filter(name => env[name] === undefined);
  const unset = added.length > 0 ? `unset ${added.join(' ')}; ` : '';
  const script = `trap "" INT QUIT; ${unset}exec "$@"`;
  return { argv: ['/bin/sh', '-c', script, 'sh', ...argv], detached: false };
};

// What a shell puts into its environment by itself; the program behind it is to get none of it.
const SHELL_VARIABLES = ['PWD', 'OLDPWD', 'SHLVL'];

const close = async (child: ChildProcess, ended: Promise<unknown>): Promise<void> => {
  child.stdin?.end();
  if ((await settledWithin(ended, CLOSE_GRACE_MS)) !== 'settled') await abort(child, ended);
};

const abort = async (child: ChildProcess, ended: Promise<unknown>): Promise<void> => {
  child.kill('SIGTERM');
  if ((await settledWithin(ended, TERM_GRACE_MS)) === 'settled') return;
  child.kill('SIGKILL');
  // A grandchild may hold the streams, or nobody reads them: then their end would never come.
  for (const stream of [child.stdout, child.stderr]) stream?.destroy();
  await ended;
};

import type { ChildProcess } from 'node:child_process';
import { PassThrough, Readable, type Writable } from 'node:stream';
import spawn from 'cross-spawn';
import { settledWithin } from '../system/deadline.ts';
import { LineExcerpt } from './line-excerpt.ts';
import type { Target } from './target.ts';

/** The end of the program that carried a connection. */
export type TransportEnd = {
  /** The program's name: `ssh`, … */
  readonly program: string;
  /** The error of its start: `ENOENT`, … */
  readonly errno?: string;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Its first and last lines on stderr, with `…` for those in between. */
  readonly stderr: readonly string[];
};

/** A running program whose stdin and stdout are the connection to a server. */
export type Transport = {
  readonly input: Readable;
  readonly output: Writable;
  readonly stderr: Readable;
  readonly ended: Promise<TransportEnd>;
  /** Ends stdin of the program, and after a grace sends signals. */
  close(): Promise<void>;
  /** Ends the program by signals. */
  abort(): Promise<void>;
  /** Leaves the program, whose connection is lost: closes its streams and sends SIGHUP. A server that keeps its session survives. */
  hangUp(): void;
};

/** Longer than a server takes to terminate its processes. */
const CLOSE_GRACE_MS = 5000;
const TERM_GRACE_MS = 1000;

/** Runs the program of a target. An error of its start is in `ended`. */
export const openTransport = (target: Target, env: NodeJS.ProcessEnv): Transport => {
  const { argv, detached } = protectFromTerminalSignals(target, env, process.platform);
  const child = spawn(argv[0], argv.slice(1), {
    env,
    cwd: target.cwd,
    detached,
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
  });
  // A child that was not started, for lack of file descriptors, has no streams.
  const output = child.stdin ?? new PassThrough().resume();
  const input = child.stdout ?? Readable.from([]);
  const errors = child.stderr ?? Readable.from([]);
  const stderr = new LineExcerpt();
  errors.on('data', (chunk: Buffer) => stderr.push(chunk));
  // The reader and writer of the connection report a broken pipe; a listener keeps it from being thrown.
  for (const stream of [output, input, errors]) stream.on('error', () => {});

  const ended = new Promise<TransportEnd>(resolve => {
    const end = (exitCode: number | null, signal: NodeJS.Signals | null, errno?: string) =>
      resolve({
        program: target.argv[0],
        exitCode,
        signal,
        stderr: stderr.lines,
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
    hangUp: () => {
      for (const stream of [output, input, errors]) stream.destroy();
      child.kill('SIGHUP');
      // A program that is stopped receives no signal.
      child.kill('SIGCONT');
    },
  };
};

/**
 * Keeps Ctrl-C at the terminal of this process from ending the connection and every process with it. A local server
 * gets its own POSIX session. A program that may ask for a password needs the terminal: it ignores SIGINT and SIGQUIT.
 */
export const protectFromTerminalSignals = (
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

// Variables that a shell adds by itself; the program does not get them.
const SHELL_VARIABLES = ['PWD', 'OLDPWD', 'SHLVL'];

const close = async (child: ChildProcess, ended: Promise<unknown>): Promise<void> => {
  child.stdin?.end();
  if ((await settledWithin(ended, CLOSE_GRACE_MS)) !== 'settled') await abort(child, ended);
};

const abort = async (child: ChildProcess, ended: Promise<unknown>): Promise<void> => {
  child.kill('SIGTERM');
  if ((await settledWithin(ended, TERM_GRACE_MS)) === 'settled') return;
  child.kill('SIGKILL');
  // A grandchild may hold the streams, or they may not be read: then they would never end.
  for (const stream of [child.stdout, child.stderr]) stream?.destroy();
  await ended;
};

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { programPath } from './program.ts';

export type CliResult = {
  readonly stdout: Buffer;
  readonly stderr: string;
  /** Exit code, or the signal that ended the program. */
  readonly end: number | NodeJS.Signals;
};

/** Spawns the built program as a user runs it, with pipes for its three streams. */
export const startCli = (
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
) => {
  const child = spawn(process.execPath, [programPath, ...args], { ...options, stdio: 'pipe' });
  child.stdin.on('error', () => {});
  const stdout: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  const finished: Promise<CliResult> = once(child, 'close').then(([code, signal]) => ({
    stdout: Buffer.concat(stdout),
    stderr,
    end: signal ?? code,
  }));
  const firstOutput = once(child.stdout, 'data');
  return { child, finished, firstOutput };
};

/** Runs the program until it exits, with `input` on its stdin. */
export const runCli = (
  args: readonly string[],
  { input = '', ...options }: { env?: NodeJS.ProcessEnv; cwd?: string; input?: string | Buffer } = {},
): Promise<CliResult> => {
  const { child, finished } = startCli(args, options);
  child.stdin.end(input);
  return finished;
};

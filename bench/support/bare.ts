import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { ENVIRONMENT } from './client.ts';

/** A Node that hands bytes on, to a command and back if one is given, and does nothing else. */
export const relay = (...command: readonly string[]): [string, ...string[]] => [
  process.execPath,
  fileURLToPath(new URL('relay.js', import.meta.url)),
  ...command,
];

type Child = ChildProcess & { stdin: Writable; stdout: Readable; stderr: Readable };

/** A child of this process itself, on three pipes: what every floor is made of. */
export const bareSpawn = ([program, ...args]: readonly [string, ...string[]], options: SpawnOptions = {}) =>
  spawn(program, args, { env: ENVIRONMENT, stdio: 'pipe', ...options }) as Child;

/** Runs a program to its end. */
export const bareRun = async (
  argv: readonly [string, ...string[]],
  options: SpawnOptions = {},
): Promise<void> => {
  const child = bareSpawn(argv, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  child.stdout?.resume();
  child.stderr?.resume();
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}`);
};

/** Counts what a program writes until it ends, and how long that takes from the first of it on, in milliseconds. */
export const bareFlood = async (
  argv: readonly [string, ...string[]],
): Promise<{ bytes: number; ms: number }> => {
  const child = bareSpawn(argv, { stdio: ['ignore', 'pipe', 'ignore'] });
  let bytes = 0;
  let first = Number.NaN;
  child.stdout.on('data', (chunk: Buffer) => {
    if (bytes === 0) first = performance.now();
    bytes += chunk.length;
  });
  await once(child, 'close');
  return { bytes, ms: performance.now() - first };
};

/** Counts what a program writes until it ends. */
export const bareCount = async (argv: readonly [string, ...string[]]): Promise<number> =>
  (await bareFlood(argv)).bytes;

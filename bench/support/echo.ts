import { once } from 'node:events';
import type { bareSpawn } from './bare.ts';
import { chunkOf, type RunningProcess } from './client.ts';
import { quantile } from './statistics.ts';
import { timedEach } from './timing.ts';

/** The time from a key to its echo, in milliseconds. */
export type Echo = { readonly p50: number; readonly p99: number };

/** Types one key after the other into a process that echoes, each when the one before is back. */
export const echoThrough = async (process: RunningProcess, keys: number): Promise<Echo> =>
  summary(
    await timedEach(keys, () => {
      const back = process.nextOutput();
      return Promise.all([process.write(KEY), back]);
    }),
  );

/** The same through bare pipes. */
export const bareEcho = async (cat: ReturnType<typeof bareSpawn>, keys: number): Promise<Echo> =>
  summary(
    await timedEach(keys, () => {
      const back = once(cat.stdout, 'data');
      cat.stdin.write('x');
      return back;
    }),
  );

const summary = (times: readonly number[]): Echo => ({
  p50: quantile(times, 0.5),
  p99: quantile(times, 0.99),
});

const KEY = chunkOf(Buffer.from('x'));

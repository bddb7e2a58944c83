import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { bareSpawn } from './support/bare.ts';
import { Client, Refused } from './support/client.ts';
import { inFlight } from './support/in-flight.ts';
import { residentMiB } from './support/memory.ts';
import type { Metric, Question, Sample } from './support/question.ts';
import { median } from './support/statistics.ts';
import { timed, timedEach } from './support/timing.ts';

const STEPS = [1, 100, 1000, 2000];

const metric = (id: string, title: string, unit: Metric['unit']): Metric => ({
  id,
  title,
  unit,
  better: 'lower',
});

const metrics: readonly Metric[] = [
  ...STEPS.map(count => metric(`memory${count}`, `memory of each of ${count} idle processes`, 'KiB')),
  ...STEPS.map(count => metric(`start${count}`, `/bin/true next to ${count}, p50`, 'ms')),
  ...STEPS.map(count => metric(`list${count}`, `process/list of ${count}`, 'ms')),
  metric('shutdown', 'end of the connection to end of the server', 'ms'),
];

export const scale: Question = {
  name: 'scale',
  asks: 'What do idle processes cost, and what do they slow down?',
  floor: 'a Node with as many children',
  metrics,
  rounds: 2,
  open: async ({ quick, note }) => {
    const steps = quick ? STEPS.slice(0, 2) : STEPS;
    return {
      floor: async () => ({
        run: async () => {
          const parent = bareSpawn([process.execPath, PARENT], { stdio: ['pipe', 'pipe', 'inherit'] });
          const tell = async (line: string) => {
            parent.stdin.write(`${line}\n`);
            await once(parent.stdout, 'data');
          };
          await tell('true');
          const sample: Record<string, number | undefined> = {};
          const empty = residentMiB(parent.pid as number);
          let running = 0;
          for (const count of steps) {
            await tell(String(count - running));
            running = count;
            sample[`memory${count}`] = memoryOfEach(parent.pid as number, empty, count);
            sample[`start${count}`] = median(await timedEach(10, () => tell('true')));
          }
          sample.shutdown = await timed(() => {
            parent.stdin.end();
            return once(parent, 'close');
          });
          return sample;
        },
      }),
      through: async server => ({
        run: async () => {
          const client = await Client.open(server);
          try {
            const sample = await grow(client, steps, reason => note(`${server.name}: ${reason}`));
            return { ...sample, shutdown: await timed(() => client.close()) };
          } catch (error) {
            await client.close();
            throw error;
          }
        },
      }),
    };
  },
};

const PARENT = fileURLToPath(new URL('./support/bare-parent.js', import.meta.url));

const grow = async (
  client: Client,
  steps: readonly number[],
  note: (reason: string) => void,
): Promise<Sample> => {
  const sample: Record<string, number | undefined> = {};
  await client.start({ argv: ['/bin/true'] }).closed;
  const empty = residentMiB(client.pid);
  let running = 0;
  for (const count of steps) {
    await inFlight(STARTS, count - running, () => client.start({ argv: ['sleep', '1000'] }).started);
    running = count;
    sample[`memory${count}`] = memoryOfEach(client.pid, empty, count);
    sample[`start${count}`] = median(await timedEach(10, () => client.start({ argv: ['/bin/true'] }).closed));
    try {
      sample[`list${count}`] = await timed(() => client.request('process/list', {}));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      note('has no process/list');
    }
  }
  return sample;
};

/** Concurrent starts. */
const STARTS = 20;

const memoryOfEach = (pid: number, empty: number | undefined, count: number): number | undefined => {
  const now = residentMiB(pid);
  return now === undefined || empty === undefined ? undefined : Math.max(0, ((now - empty) * 1024) / count);
};

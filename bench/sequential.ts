import { Client } from './support/client.ts';
import { inFlight } from './support/in-flight.ts';
import { residentMiB } from './support/memory.ts';
import type { Question } from './support/question.ts';
import { timed } from './support/timing.ts';

export const sequential: Question = {
  name: 'sequential',
  asks: 'Does a server grow over many commands in sequence?',
  floor: 'none: a server that keeps nothing does not grow',
  metrics: [
    { id: 'first', title: 'memory after the first 200', unit: 'MiB', better: 'lower' },
    { id: 'before', title: 'memory after the first 2,000', unit: 'MiB', better: 'lower' },
    {
      id: 'after',
      title: 'memory after all of them',
      unit: 'MiB',
      better: 'lower',
      goal: { atMost: 1.1, times: { metric: 'before' } },
    },
    { id: 'perSecond', title: 'commands, eight at a time', unit: 'per second', better: 'higher' },
  ],
  rounds: 1,
  open: async ({ quick, starts }) => ({
    through: async server => ({
      run: async () => {
        const client = await Client.open(server);
        try {
          const run = (count: number) =>
            timed(() => inFlight(WIDTH, count, () => client.start({ argv: ['/bin/true'] }).closed));
          const [few, some, all] = quick ? [WIDTH, 2 * WIDTH, 4 * WIDTH] : [200, 2000, starts];
          await run(few);
          const first = residentMiB(client.pid);
          // As long as that it takes until memory for what is young has grown as far as it does.
          await run(Math.min(some, all) - few);
          const before = residentMiB(client.pid);
          const count = Math.max(all - some, few);
          const time = await run(count);
          return { first, before, after: residentMiB(client.pid), perSecond: (count / time) * 1000 };
        } finally {
          await client.close();
        }
      },
    }),
  }),
};

const WIDTH = 8;

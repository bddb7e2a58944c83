import { Client } from './support/client.ts';
import { inFlight } from './support/in-flight.ts';
import { residentMiB } from './support/memory.ts';
import type { Question } from './support/question.ts';
import { timed } from './support/timing.ts';

export const sequential: Question = {
  name: 'sequential',
  asks: 'Does a server grow that starts one command after the other?',
  floor: 'none: a server that keeps nothing grows by nothing',
  metrics: [
    { id: 'before', title: 'memory after the first 200', unit: 'MiB', better: 'lower' },
    { id: 'after', title: 'memory after all of them', unit: 'MiB', better: 'lower' },
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
          await run(quick ? WIDTH : WARM_UP);
          const before = residentMiB(client.pid);
          const count = quick ? 4 * WIDTH : starts;
          const time = await run(count);
          return { before, after: residentMiB(client.pid), perSecond: (count / time) * 1000 };
        } finally {
          await client.close();
        }
      },
    }),
  }),
};

const WIDTH = 8;

const WARM_UP = 200;

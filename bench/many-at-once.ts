import { bareRun } from './support/bare.ts';
import { Client } from './support/client.ts';
import type { Question } from './support/question.ts';
import { timed } from './support/timing.ts';

export const manyAtOnce: Question = {
  name: 'many-at-once',
  asks: 'How many commands a second, if 200 are started concurrently?',
  floor: '200 times `child_process.spawn` of `/bin/true` in the client itself',
  metrics: [
    {
      id: 'perSecond',
      title: '200 × /bin/true concurrently',
      unit: 'per second',
      better: 'higher',
      goal: { atLeast: 0.85, times: 'floor' },
    },
  ],
  rounds: 15,
  open: async ({ quick }) => {
    const count = quick ? 20 : 200;
    const atOnce = async (run: () => Promise<unknown>) => ({
      perSecond: (count / (await timed(() => Promise.all(Array.from({ length: count }, run))))) * 1000,
    });
    return {
      floor: async () => ({ run: () => atOnce(() => bareRun(['/bin/true'])) }),
      through: async server => {
        const client = await Client.open(server);
        return {
          run: () => atOnce(() => client.start({ argv: ['/bin/true'] }).closed),
          close: () => client.close(),
        };
      },
    };
  },
};

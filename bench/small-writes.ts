import { bareCount } from './support/bare.ts';
import { Client } from './support/client.ts';
import type { Question } from './support/question.ts';
import { MIB, rate, timed } from './support/timing.ts';

export const smallWrites: Question = {
  name: 'small-writes',
  asks: 'How fast is output that is written byte by byte?',
  floor: 'the same `dd bs=1` on a bare pipe, read by the same client',
  metrics: [
    {
      id: 'rate',
      title: 'output of `dd bs=1`',
      unit: 'MiB/s',
      better: 'higher',
      goal: { atLeast: 0.5, times: 'floor' },
    },
  ],
  rounds: 5,
  open: async ({ quick }) => {
    const bytes = quick ? MIB / 32 : MIB / 2;
    const argv = ['dd', 'if=/dev/zero', 'bs=1', `count=${bytes}`, 'status=none'] as const;
    const measured = async (read: () => Promise<number>) => {
      let count = 0;
      const time = await timed(async () => {
        count = await read();
      });
      if (count !== bytes) throw new Error(`${bytes} bytes were written, ${count} came`);
      return { rate: rate(bytes, time) };
    };
    return {
      floor: async () => ({ run: () => measured(() => bareCount(argv)) }),
      through: async server => {
        const client = await Client.open(server);
        return {
          run: () =>
            measured(async () => {
              const process = client.start({ argv });
              await process.closed;
              return process.bytes;
            }),
          close: () => client.close(),
        };
      },
    };
  },
};

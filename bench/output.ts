import { bareCount } from './support/bare.ts';
import { Client } from './support/client.ts';
import { peakMiB } from './support/memory.ts';
import type { Question } from './support/question.ts';
import { MIB, rate, timed } from './support/timing.ts';

export const output: Question = {
  name: 'output',
  asks: 'How fast does a flood of output come through, and what does it cost the server?',
  floor: '`head -c … /dev/zero | base64 -w0` on a bare pipe, read by the same client',
  metrics: [
    {
      id: 'rate',
      title: 'output of `head -c`, before base64',
      unit: 'MiB/s',
      better: 'higher',
      goal: { atLeast: 0.7, times: 'floor' },
    },
    { id: 'peak', title: 'most memory of the server', unit: 'MiB', better: 'lower' },
  ],
  rounds: 5,
  open: async ({ quick }) => {
    const bytes = (quick ? 8 : 512) * MIB;
    const head = `head -c ${bytes} /dev/zero`;
    return {
      floor: async () => ({
        run: async () => {
          let read = 0;
          const time = await timed(async () => {
            read = await bareCount(['sh', '-c', `${head} | base64 -w0`]);
          });
          expectAll(read, Math.ceil(bytes / 3) * 4);
          return { rate: rate(bytes, time) };
        },
      }),
      through: async server => ({
        run: async () => {
          // Each time a new one: the most that it ever had is asked for.
          const client = await Client.open(server);
          try {
            const process = client.start({ argv: ['sh', '-c', `exec ${head}`] });
            const time = await timed(() => process.closed);
            expectAll(process.bytes, bytes);
            return { rate: rate(bytes, time), peak: peakMiB(client.pid) };
          } finally {
            await client.close();
          }
        },
      }),
    };
  },
};

const expectAll = (read: number, written: number): void => {
  if (read !== written) throw new Error(`${written} bytes were written, ${read} came`);
};

import { once } from 'node:events';
import { bareSpawn } from './support/bare.ts';
import { Client, chunkOf } from './support/client.ts';
import { inFlight } from './support/in-flight.ts';
import type { Question } from './support/question.ts';
import { MIB, rate, timed } from './support/timing.ts';

export const input: Question = {
  name: 'input',
  asks: 'How fast does input reach a process?',
  floor: 'the same bytes, without base64, on a bare pipe',
  metrics: [
    { id: 'rate', title: 'input of `wc -c`, as base64', unit: 'MiB/s', better: 'higher' },
    { id: 'binary', title: 'in binary frames', unit: 'MiB/s', better: 'higher' },
  ],
  rounds: 7,
  open: async ({ quick }) => {
    const bytes = (quick ? 8 : 256) * MIB;
    const blocks = bytes / BLOCK;
    // It ends by itself: not every server can close a stdin.
    const argv = ['sh', '-c', `head -c ${bytes} | wc -c`] as const;
    const block = Buffer.alloc(BLOCK, 'x');
    const chunk = chunkOf(block);
    return {
      floor: async () => ({
        run: async () => {
          const time = await timed(async () => {
            const child = bareSpawn(argv);
            child.stdout.resume();
            for (let at = 0; at < blocks; at += 1) {
              if (!child.stdin.write(block)) await once(child.stdin, 'drain');
            }
            await once(child, 'close');
          });
          return { rate: rate(bytes, time), binary: rate(bytes, time) };
        },
      }),
      through: async server => {
        const client = await Client.open(server);
        const binary = await Client.openBinary(server);
        const speed = async (through: Client): Promise<number> => {
          const time = await timed(async () => {
            const process = through.start({ argv, stdin: true });
            await process.started;
            await inFlight(WRITES, blocks, () => process.write(chunk));
            await process.closed;
          });
          return rate(bytes, time);
        };
        return {
          run: async () => ({ rate: await speed(client), binary: binary && (await speed(binary)) }),
          close: async () => {
            await client.close();
            await binary?.close();
          },
        };
      },
    };
  },
};

const BLOCK = 256 * 1024;

/** Concurrent writes. */
const WRITES = 8;

import { setTimeout as delay } from 'node:timers/promises';
import { bareSpawn } from './support/bare.ts';
import { Client } from './support/client.ts';
import { peakMiB, residentMiB } from './support/memory.ts';
import type { Question } from './support/question.ts';

export const memory: Question = {
  name: 'memory',
  asks: 'How much memory does a server use, idle and during a flood that its client does not read?',
  floor: 'an idle Node',
  metrics: [
    { id: 'idle', title: 'idle', unit: 'MiB', better: 'lower', goal: { atMost: 55 } },
    {
      id: 'stalled',
      title: 'peak, ten floods and a client that does not read',
      unit: 'MiB',
      better: 'lower',
      goal: { atMost: 100 },
    },
  ],
  rounds: 5,
  open: async ({ quick }) => {
    const stallMs = quick ? 200 : 2000;
    return {
      floor: async () => ({
        run: async () => {
          const node = bareSpawn([process.execPath, '-e', 'process.stdin.resume()']);
          await delay(stallMs);
          const idle = residentMiB(node.pid as number);
          node.kill();
          return { idle, stalled: idle };
        },
      }),
      through: async server => ({
        run: async () => {
          const client = await Client.open(server);
          try {
            await client.start({ argv: ['/bin/true'] }).closed;
            const idle = residentMiB(client.pid);
            const floods = Array.from({ length: 10 }, () => client.start({ argv: ['yes'] }));
            await Promise.all(floods.map(({ started }) => started));
            client.server.stdout.pause();
            await delay(stallMs);
            return { idle, stalled: peakMiB(client.pid) };
          } finally {
            await client.close();
          }
        },
      }),
    };
  },
};

import { setTimeout as delay } from 'node:timers/promises';
import { bareSpawn } from './support/bare.ts';
import { Client } from './support/client.ts';
import { bareEcho, echoThrough } from './support/echo.ts';
import type { Question, Sample } from './support/question.ts';
import { rate } from './support/timing.ts';

export const fairShares: Question = {
  name: 'fair-shares',
  asks: 'How long does a key take while ten processes flood?',
  floor: 'ten `yes` and a `cat` on bare pipes, read by the same client',
  metrics: [
    { id: 'alone', title: 'echo alone, p50', unit: 'ms', better: 'lower' },
    {
      id: 'flooded',
      title: 'echo during ten floods, p50',
      unit: 'ms',
      better: 'lower',
      goal: { atMost: 5 },
    },
    { id: 'floodedP99', title: 'echo during ten floods, p99', unit: 'ms', better: 'lower' },
    { id: 'flood', title: 'output of the floods', unit: 'MiB/s', better: 'higher' },
  ],
  rounds: 5,
  open: async ({ quick }) => {
    const keys = quick ? 20 : 100;
    return {
      floor: async () => {
        const cat = bareSpawn(['cat']);
        return {
          run: () => {
            let bytes = 0;
            return measured(
              () => bareEcho(cat, keys),
              () => {
                const floods = Array.from({ length: FLOODS }, () => bareSpawn(FLOOD));
                for (const { stdout } of floods) stdout.on('data', chunk => (bytes += chunk.length));
                return async () => {
                  for (const flood of floods) flood.kill();
                };
              },
              () => bytes,
            );
          },
          close: async () => void cat.kill(),
        };
      },
      through: async server => {
        const client = await Client.open(server);
        const cat = client.start({ argv: ['cat'], stdin: true });
        await cat.started;
        return {
          run: () => {
            let bytes = 0;
            return measured(
              () => echoThrough(cat, keys),
              () => {
                const floods = Array.from({ length: FLOODS }, () =>
                  client.start({ argv: FLOOD }, more => (bytes += more)),
                );
                return async () => {
                  await Promise.all(floods.map(flood => flood.terminate()));
                  await Promise.all(floods.map(flood => flood.closed));
                };
              },
              () => bytes,
            );
          },
          close: () => client.close(),
        };
      },
    };
  },
};

const measured = async (
  echo: () => Promise<{ p50: number; p99: number }>,
  flood: () => () => Promise<void>,
  bytes: () => number,
): Promise<Sample> => {
  const alone = await echo();
  const end = flood();
  // All ten are to be under way.
  await delay(200);
  const [before, start] = [bytes(), performance.now()];
  const during = await echo();
  const flooded = rate(bytes() - before, performance.now() - start);
  await end();
  return { alone: alone.p50, flooded: during.p50, floodedP99: during.p99, flood: flooded };
};

const FLOODS = 10;

const FLOOD = ['yes'] as const;

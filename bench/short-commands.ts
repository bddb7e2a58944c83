import { bareRun } from './support/bare.ts';
import { Client } from './support/client.ts';
import type { Question } from './support/question.ts';
import { quantile } from './support/statistics.ts';
import { timed, timedEach } from './support/timing.ts';

export const shortCommands: Question = {
  name: 'short-commands',
  asks: 'How long does a short command take, from start to closed?',
  floor: '`child_process.spawn` of `/bin/true` in the client itself, start to `close`',
  metrics: [
    {
      id: 'p50',
      title: 'exact environment, p50',
      unit: 'ms',
      better: 'lower',
      goal: { atMost: 1.3, times: 'floor' },
    },
    {
      id: 'p99',
      title: 'exact environment, p99',
      unit: 'ms',
      better: 'lower',
      goal: { atMost: 3, times: { metric: 'p50' } },
    },
    {
      id: 'policyP50',
      title: 'with a policy, p50',
      unit: 'ms',
      better: 'lower',
      goal: { atMost: 1.05, times: { metric: 'p50' } },
    },
    { id: 'policyP99', title: 'with a policy, p99', unit: 'ms', better: 'lower' },
  ],
  rounds: 15,
  open: async ({ quick }) => {
    const times = quick ? 10 : 100;
    return {
      floor: async () => ({
        run: async () => {
          const plain = await timedEach(times, () => bareRun(['/bin/true']));
          return { p50: quantile(plain, 0.5), p99: quantile(plain, 0.99) };
        },
      }),
      through: async server => {
        const client = await Client.open(server);
        const started = (policy: boolean) =>
          timed(() => client.start({ argv: ['/bin/true'], policy }).closed);
        return {
          run: async () => {
            const plain: number[] = [];
            const withPolicy: number[] = [];
            await started(false);
            // In turns: the two are compared with each other more closely than with anything else.
            for (let time = 0; time < times; time += 1) {
              plain.push(await started(false));
              withPolicy.push(await started(true));
            }
            return {
              p50: quantile(plain, 0.5),
              p99: quantile(plain, 0.99),
              policyP50: quantile(withPolicy, 0.5),
              policyP99: quantile(withPolicy, 0.99),
            };
          },
          close: () => client.close(),
        };
      },
    };
  },
};

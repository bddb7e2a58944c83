import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { bareRun } from './support/bare.ts';
import { Client, ENVIRONMENT } from './support/client.ts';
import type { Question } from './support/question.ts';
import { quantile } from './support/statistics.ts';
import { timed, timedEach } from './support/timing.ts';

const SHELL = '/bin/bash';

export const loginShell: Question = {
  name: 'login-shell',
  asks: 'How long does `bash -lc true` take with a profile that sleeps 0.3 s?',
  floor: '`bash -lc true` in the client itself; for the snapshot `bash -c true`',
  metrics: [
    { id: 'plain', title: 'without a snapshot, p50', unit: 'ms', better: 'lower' },
    { id: 'first', title: 'with a snapshot, first command', unit: 'ms', better: 'lower' },
    {
      id: 'next',
      title: 'with a snapshot, later commands, p50',
      unit: 'ms',
      better: 'lower',
      goal: { atMost: 27 },
    },
  ],
  rounds: 7,
  open: async ({ quick }) => {
    const times = quick ? 2 : 10;
    const home = mkdtempSync(join(tmpdir(), 'exec-server-bench-'));
    writeFileSync(join(home, '.bash_profile'), 'sleep 0.3\nexport FROM_PROFILE=1\nf() { :; }\n');
    // A snapshot of a file that has just been written is not kept.
    await delay(100);
    const env = { ...ENVIRONMENT, HOME: home };
    const login = [SHELL, '-lc', 'true'] as const;
    return {
      floor: async () => ({
        run: async () => {
          const plain = await timedEach(times, () => bareRun(login, { env }));
          const next = await timedEach(times, () => bareRun([SHELL, '-c', 'true'], { env }));
          return { plain: quantile(plain, 0.5), next: quantile(next, 0.5) };
        },
      }),
      through: async server => {
        const client = await Client.open(server);
        const run = (scopeId?: string) =>
          timed(() => client.start({ argv: login, env, ...(scopeId && snapshotOf(scopeId)) }).closed);
        let scope = 0;
        return {
          run: async () => {
            const scopeId = `scope-${scope++}`;
            const plain: number[] = [];
            for (let time = 0; time < times; time += 1) plain.push(await run());
            const first = await run(scopeId);
            const next: number[] = [];
            for (let time = 0; time < times; time += 1) next.push(await run(scopeId));
            return { plain: quantile(plain, 0.5), first, next: quantile(next, 0.5) };
          },
          close: () => client.close(),
        };
      },
      close: async () => rmSync(home, { recursive: true }),
    };
  },
};

const snapshotOf = (scopeId: string) => ({ snapshot: { scopeId, shell: { name: 'bash', path: SHELL } } });

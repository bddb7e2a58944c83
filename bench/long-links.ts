import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { commandServer, connect, type ExecClient } from '../src/core/index.ts';
import { bareCount, bareRun, bareSpawn } from './support/bare.ts';
import { ENVIRONMENT } from './support/client.ts';
import { bareEcho } from './support/echo.ts';
import type { Question } from './support/question.ts';
import { median } from './support/statistics.ts';
import { MIB, timed, timedEach } from './support/timing.ts';

const GOAL = { atMost: 1.5, times: 'floor' } as const;

export const longLinks: Question = {
  name: 'long-links',
  asks: 'How long do transfers and keys of Core take on a link with a round trip of 100 ms?',
  floor: 'the same programs on bare pipes through the same relay; the program that reads stdin runs already',
  metrics: [
    { id: 'stdin', title: '32 MiB of stdin', unit: 'ms', better: 'lower', goal: GOAL },
    { id: 'output', title: '32 MiB of output', unit: 'ms', better: 'lower', goal: GOAL },
    { id: 'write', title: 'a file of 32 MiB, written', unit: 'ms', better: 'lower' },
    { id: 'read', title: 'a file of 32 MiB, read', unit: 'ms', better: 'lower' },
    { id: 'key', title: 'echo of a key, p50', unit: 'ms', better: 'lower' },
  ],
  rounds: 5,
  open: async ({ quick }) => {
    const bytes = (quick ? 1 : 32) * MIB;
    const keys = quick ? 1 : 20;
    const directory = await mkdtemp(join(tmpdir(), 'exec-server-bench-'));
    const input = Buffer.alloc(bytes, 'x');
    const file = join(directory, 'file');
    return {
      floor: async () => ({
        run: async () => {
          const cat = bareSpawn(delayed('cat'));
          const { p50 } = await bareEcho(cat, keys);
          cat.kill();
          const sendTo = async (line: string): Promise<number> => {
            const child = bareSpawn(delayed('sh', '-c', `echo ready; ${line}`));
            await once(child.stdout, 'data');
            child.stdout.resume();
            return timed(async () => {
              child.stdin.end(input);
              await once(child, 'close');
            });
          };
          return {
            stdin: await sendTo('wc -c'),
            output: await timed(() => bareCount(delayed('head', '-c', `${bytes}`, '/dev/zero'))),
            write: await sendTo(`cat > '${file}'`),
            read: await timed(() => bareRun(delayed('cat', file))),
            key: p50,
          };
        },
      }),
      through: async ({ role, argv }) => {
        // Core speaks with our server only.
        if (role !== 'ours') return { run: async () => ({}) };
        const client = await connect(commandServer(delayed(...argv)), { outputWindowBytes: 8 * MIB });
        return {
          run: async () => ({
            stdin: await send(client, input),
            output: await timed(() => receive(client, ['head', '-c', `${bytes}`, '/dev/zero'])),
            write: await timed(() => finished(client.files.createWriteStream(file).end(input))),
            read: await timed(() => finished(client.files.createReadStream(file).resume())),
            key: await echo(client, keys),
          }),
          close: () => client.close(),
        };
      },
      close: async () => rmSync(directory, { recursive: true, force: true }),
    };
  },
};

type Argv = readonly [string, ...string[]];

const DELAY_MS = 50;

const RELAY = fileURLToPath(new URL('../test/e2e/fixtures/delaying-relay.js', import.meta.url));

/** The command line that runs a program behind the link. */
const delayed = (...argv: readonly string[]): Argv => [process.execPath, RELAY, `${DELAY_MS}`, ...argv];

const start = (client: ExecClient, argv: Argv, stdin = true) =>
  client.start({ argv, stdin, env: { exact: ENVIRONMENT } });

const send = async (client: ExecClient, input: Buffer): Promise<number> => {
  const child = await start(client, ['wc', '-c']);
  return timed(() => {
    child.stdin?.end(input);
    return child.collect();
  });
};

const receive = async (client: ExecClient, argv: Argv): Promise<void> => {
  const child = await start(client, argv, false);
  for await (const _ of child);
};

const echo = async (client: ExecClient, keys: number): Promise<number> => {
  const child = await start(client, ['cat']);
  const output = child.output[Symbol.asyncIterator]();
  const times = await timedEach(keys, () => {
    child.stdin?.write('x');
    return output.next();
  });
  child.stdin?.end();
  await output.return?.();
  return median(times);
};

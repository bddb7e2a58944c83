import { quoteArgv } from '../src/core/quote-argv.ts';
import { bareFlood, relay } from './support/bare.ts';
import { Client } from './support/client.ts';
import { peakMiB } from './support/memory.ts';
import type { Question, Server } from './support/question.ts';
import { openSsh } from './support/ssh.ts';
import { MIB, rate, timed } from './support/timing.ts';

export const output: Question = {
  name: 'output',
  asks: 'How fast is a flood of output, and how much memory does it take?',
  floor:
    '`head -c … /dev/zero | base64 -w0` on a bare pipe, read by the same client; for binary frames `… | cat`; over ssh `ssh host head …`',
  metrics: [
    {
      id: 'rate',
      title: 'as base64',
      unit: 'MiB/s',
      better: 'higher',
      goal: { atLeast: 0.7, times: 'floor' },
    },
    { id: 'peak', title: 'as base64, peak memory', unit: 'MiB', better: 'lower', goal: { atMost: 100 } },
    {
      id: 'binary',
      title: 'in binary frames',
      unit: 'MiB/s',
      better: 'higher',
      goal: { atLeast: 0.6, times: 'floor' },
    },
    {
      id: 'binaryPeak',
      title: 'in binary frames, peak memory',
      unit: 'MiB',
      better: 'lower',
      goal: { atMost: 100 },
    },
    {
      id: 'sshRelay',
      title: 'over ssh, through a Node that only relays it',
      unit: 'MiB/s',
      better: 'higher',
    },
    {
      id: 'ssh',
      title: 'in binary frames, over ssh',
      unit: 'MiB/s',
      better: 'higher',
      goal: { atLeast: 0.9, times: 'floor' },
    },
  ],
  rounds: 5,
  open: async setting => {
    const ssh = setting.quick ? undefined : await openSsh(setting);
    const [near, far] = setting.quick ? [8 * MIB, 8 * MIB] : [512 * MIB, 256 * MIB];
    return {
      floor: async () => ({
        run: async () => ({
          rate: await bareRate(near, Math.ceil(near / 3) * 4, ['sh', '-c', `${head(near)} | base64 -w0`]),
          binary: await bareRate(near, near, ['sh', '-c', `${head(near)} | cat`]),
          ssh: ssh && (await bareRate(far, far, ssh.argv(['sh', '-c', head(far)]))),
          sshRelay: ssh && (await bareRate(far, far, ssh.argv(['sh', '-c', relayed(far)]))),
        }),
      }),
      through: async server => ({
        run: async () => {
          const base64 = await flood(await Client.open(server), near);
          const binary = await flood(await Client.openBinary(server), near);
          const overSsh = ssh && (await flood(await Client.openBinary(there(server, ssh)), far));
          return {
            rate: base64?.rate,
            peak: base64?.peak,
            binary: binary?.rate,
            binaryPeak: binary?.peak,
            ssh: overSsh?.rate,
          };
        },
      }),
      close: async () => ssh?.stop(),
    };
  },
};

const head = (bytes: number): string => `head -c ${bytes} /dev/zero`;

const relayed = (bytes: number): string => `${head(bytes)} | ${quoteArgv(relay())}`;

const there = (server: Server, ssh: { argv(argv: readonly string[]): [string, ...string[]] }): Server => ({
  ...server,
  argv: ssh.argv(server.argv),
});

const bareRate = async (
  bytes: number,
  written: number,
  argv: readonly [string, ...string[]],
): Promise<number> => {
  // From the first byte on: over ssh the connection is no part of the question.
  const { bytes: read, ms } = await bareFlood(argv);
  expectAll(read, written);
  return rate(bytes, ms);
};

/** Floods a client that is closed afterwards: the most memory that its server ever had is asked for. */
const flood = async (
  client: Client | undefined,
  bytes: number,
): Promise<{ rate: number; peak: number | undefined } | undefined> => {
  if (client === undefined) return undefined;
  try {
    const process = client.start({ argv: ['sh', '-c', `exec ${head(bytes)}`] });
    const time = await timed(() => process.closed);
    expectAll(process.bytes, bytes);
    return { rate: rate(bytes, time), peak: peakMiB(client.pid) };
  } finally {
    await client.close();
  }
};

const expectAll = (read: number, written: number): void => {
  if (read !== written) throw new Error(`${written} bytes were written, ${read} came`);
};

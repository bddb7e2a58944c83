import { closeSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bareRun } from './support/bare.ts';
import { Client, chunkOf, Refused } from './support/client.ts';
import { inFlight } from './support/in-flight.ts';
import type { Question, Server, Setting } from './support/question.ts';
import { openSsh } from './support/ssh.ts';
import { MIB, rate, timed } from './support/timing.ts';

export const files: Question = {
  name: 'files',
  asks: 'How fast are files read and written in blocks of 1 MiB, as bytes where the server can?',
  floor: '`cp`; over ssh: `scp`',
  metrics: [
    { id: 'read', title: 'fs/readBlock', unit: 'MiB/s', better: 'higher' },
    { id: 'write', title: 'fs/writeBlock', unit: 'MiB/s', better: 'higher' },
    {
      id: 'sshRead',
      title: 'fs/readBlock over ssh',
      unit: 'MiB/s',
      better: 'higher',
      goal: { atLeast: 0.8, times: 'floor' },
    },
    {
      id: 'sshWrite',
      title: 'fs/writeBlock over ssh',
      unit: 'MiB/s',
      better: 'higher',
      goal: { atLeast: 0.8, times: 'floor' },
    },
  ],
  rounds: 5,
  open: async setting => {
    const ssh = setting.quick ? undefined : await openSsh(setting);
    const directory = await mkdtemp(join(tmpdir(), 'exec-server-bench-'));
    const near = writeSource(directory, setting.quick ? 4 : 256);
    const far = writeSource(directory, setting.quick ? 4 : 256);
    const speed = async ({ blocks }: Copy, work: () => Promise<unknown>) =>
      rate(blocks * MIB, await timed(work));
    return {
      floor: async () => ({
        run: async () => {
          const local = await speed(near, () => bareRun(['cp', near.source, near.target]));
          if (ssh === undefined) return { read: local, write: local };
          // By the old protocol: the new one wants a subsystem that our sshd doesn't have.
          const scp = (from: string, to: string) => bareRun(['scp', ...ssh.scpOptions, '-O', '-q', from, to]);
          const remote = (path: string) => `${ssh.sshd.host}:${path}`;
          return {
            read: local,
            write: local,
            sshRead: await speed(far, () => scp(remote(far.source), far.target)),
            sshWrite: await speed(far, () => scp(far.source, remote(far.target))),
          };
        },
      }),
      through: async server => {
        const here = await transfers(server, near, setting);
        const there = ssh && (await transfers({ ...server, argv: ssh.argv(server.argv) }, far, setting));
        return {
          run: async () => {
            const { read, write } = await here.run();
            const overSsh = await there?.run();
            return { read, write, sshRead: overSsh?.read, sshWrite: overSsh?.write };
          },
          close: async () => {
            await here.close();
            await there?.close();
          },
        };
      },
      close: async () => {
        rmSync(directory, { recursive: true, force: true });
        await ssh?.stop();
      },
    };
  },
};

/** Concurrent blocks. */
const BLOCKS = 4;

/** A file, and where a copy of it goes. */
type Copy = { readonly source: string; readonly target: string; readonly blocks: number };

const writeSource = (directory: string, blocks: number): Copy => {
  const source = join(directory, `source${blocks}`);
  const file = openSync(source, 'w');
  for (let at = 0; at < blocks; at += 1) writeSync(file, Buffer.alloc(MIB, at));
  closeSync(file);
  return { source, target: join(directory, `target${blocks}`), blocks };
};

const transfers = async (server: Server, { source, target, blocks }: Copy, { note }: Setting) => {
  // As base64 where the server has nothing better.
  const client = (await Client.openBinary(server)) ?? (await Client.open(server));
  const chunk = chunkOf(Buffer.alloc(MIB, 'x'));
  const speed = async (work: () => Promise<void>): Promise<number | undefined> => {
    try {
      return rate(blocks * MIB, await timed(work));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      note(`${server.name}: not measured, ${error.message.slice(0, 60)}`);
      return undefined;
    }
  };
  const withFile = async (params: object, work: (handleId: string) => Promise<void>): Promise<void> => {
    const handleId = `h${++handles}`;
    await client.request('fs/open', { handleId, ...params });
    try {
      await work(handleId);
    } finally {
      await client.request('fs/close', { handleId });
    }
  };
  const read = () =>
    withFile({ path: pathToFileURL(source).href }, handleId =>
      inFlight(BLOCKS, blocks, async at => {
        const bytes = await client.requestChunk('fs/readBlock', { handleId, offset: at * MIB, len: MIB });
        if (bytes !== MIB) throw new Error(`fs/readBlock gave ${bytes} bytes of ${MIB}`);
      }),
    );
  const write = async () => {
    rmSync(target, { force: true });
    await withFile({ path: pathToFileURL(target).href, mode: 'replace' }, handleId =>
      inFlight(BLOCKS, blocks, at =>
        client.sendChunk('fs/writeBlock', { handleId, offset: at * MIB }, chunk),
      ),
    );
    const { size } = statSync(target);
    if (size !== blocks * MIB) throw new Error(`fs/writeBlock left ${size} bytes of ${blocks * MIB}`);
  };
  return {
    run: async () => ({ read: await speed(read), write: await speed(write) }),
    close: () => client.close(),
  };
};

let handles = 0;

import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { programPath } from './support/program.ts';
import { RawClient, type RawMessage } from './support/raw-client.ts';

// What the paths that are gone most often cost, in numbers that don't depend on the speed of a machine: bytes that
// are allocated, calls of the system, memory at its highest. The bounds are half as much again as it was when they
// were set; what crosses one is either to be mended, or worth its price and a new bound.

const ENV = { PATH: '/usr/local/bin:/usr/bin:/bin' };
const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * So much young memory that nothing is collected meanwhile, and nobody who collects where little happens, as on a slow
 * machine: then what is in use only grows.
 */
const COLLECTING_NOTHING = ['--min-semi-space-size=128', '--max-semi-space-size=128', '--no-memory-reducer'];

/** So little young memory that the server's own objects don't count. */
const OFTEN = '--max-semi-space-size=1';

type Cost = { readonly heapBytes: number; readonly reads: number; readonly writes: number };

const ofProc = (client: RawClient, file: string, name: string): number => {
  const text = readFileSync(`/proc/${client.server.pid}/${file}`, 'utf8');
  return Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(text)?.[1]);
};

/** What the server has used up so far; calls are also those of its children that have ended. */
const spent = async (client: RawClient): Promise<Cost> => {
  const { heapUsedBytes } = await client.request('server/status');
  return {
    heapBytes: heapUsedBytes,
    reads: ofProc(client, 'io', 'syscr'),
    writes: ofProc(client, 'io', 'syscw'),
  };
};

const WARM_UP = 200;

/** What one of many costs, after some that don't count. */
const costOf = async (
  client: RawClient,
  many: number,
  one: (at: number) => Promise<unknown>,
): Promise<Cost> => {
  for (let at = 0; at < WARM_UP; at += 1) await one(at);
  const before = await spent(client);
  for (let at = WARM_UP; at < WARM_UP + many; at += 1) await one(at);
  const after = await spent(client);
  const each = (name: keyof Cost) => (after[name] - before[name]) / many;
  return { heapBytes: each('heapBytes'), reads: each('reads'), writes: each('writes') };
};

const expectAtMost = (cost: Cost, bounds: Cost): void => {
  for (const name of ['heapBytes', 'reads', 'writes'] as const) {
    expect(cost[name], `${name} of ${JSON.stringify(cost)}`)
      .to.be.above(0)
      .and.at.most(bounds[name]);
  }
};

const start = (client: RawClient, processId: string, argv: readonly string[], more: object = {}) =>
  client.request('process/start', { processId, argv, cwd: 'file:///', env: ENV, ...more });

const about =
  (method: string, processId: string) =>
  (message: RawMessage): boolean =>
    message.method === method && message.params.processId === processId;

(process.platform === 'linux' ? describe : describe.skip)('the cost', () => {
  const frugal = () =>
    RawClient.open({ argv: [process.execPath, ...COLLECTING_NOTHING, programPath, '--stdio'] });

  it('of a key and its echo', async () => {
    const client = await frugal();
    await start(client, 'cat', ['cat'], { pipeStdin: true });
    let keys = 0;
    const cost = await costOf(client, 500, async () => {
      keys += 1;
      await client.request('process/write', { processId: 'cat', chunk: 'eA==' });
      await client.waitFor(
        'the echo',
        ({ method, params }) => method === 'process/output' && params.seq === keys,
      );
    });
    // The key is read, written to the process and answered; its echo is read and sent.
    expectAtMost(cost, { heapBytes: 22 * KIB, reads: 2.1, writes: 3.1 });
    await client.close();
  });

  it('of a short command', async () => {
    const client = await frugal();
    const cost = await costOf(client, 200, async at => {
      await start(client, `p${at}`, ['/bin/true']);
      await client.waitFor('its end', about('process/closed', `p${at}`));
    });
    // Most of the reads are those by which a program is loaded.
    expectAtMost(cost, { heapBytes: 100 * KIB, reads: 20, writes: 7.1 });
    await client.close();
  });

  for (const framing of ['contentLength', 'binary'] as const) {
    it(`of a flood, in memory, where frames are ${framing}`, async () => {
      const client = await RawClient.open({
        framing,
        argv: [process.execPath, OFTEN, programPath, '--stdio'],
      });
      await start(client, 'little', ['echo', 'x']);
      await client.waitFor('its end', about('process/closed', 'little'));
      const before = ofProc(client, 'status', 'VmHWM');
      await start(client, 'much', ['head', '-c', String(256 * MIB), '/dev/zero']);
      await client.waitFor('its end', about('process/closed', 'much'));
      // With new memory for each read, or for each frame, it is three times as much where frames are binary.
      expect(ofProc(client, 'status', 'VmHWM') - before)
        .to.be.above(0)
        .and.at.most(26 * KIB);
      await client.close();
    });
  }
});

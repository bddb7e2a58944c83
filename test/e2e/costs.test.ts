import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { programPath } from './support/program.ts';
import { RawClient, type RawMessage } from './support/raw-client.ts';

// The cost of hot paths in numbers that do not depend on the speed of the machine: allocated bytes, system calls and
// peak memory. Each bound is 1.5 times the cost measured when it was set. A change that exceeds one is either fixed
// or worth a new bound.

const ENV = { PATH: '/usr/local/bin:/usr/bin:/bin' };
const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * A young generation so large that it is not collected during a measurement, and no collection while idle, as on a
 * slow machine: then the used heap only grows.
 */
const NEVER_COLLECTING = ['--min-semi-space-size=128', '--max-semi-space-size=128', '--no-memory-reducer'];

/** A young generation so small that the server's own objects do not count. */
const OFTEN_COLLECTING = '--max-semi-space-size=1';

type Cost = { readonly heapBytes: number; readonly reads: number; readonly writes: number };

const ofProc = (client: RawClient, file: string, name: string): number => {
  const text = readFileSync(`/proc/${client.server.pid}/${file}`, 'utf8');
  return Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(text)?.[1]);
};

/** The total cost of the server so far; calls include those of its exited children. */
const totalCost = async (client: RawClient): Promise<Cost> => {
  const { heapUsedBytes } = await client.request('server/status');
  return {
    heapBytes: heapUsedBytes,
    reads: ofProc(client, 'io', 'syscr'),
    writes: ofProc(client, 'io', 'syscw'),
  };
};

const WARM_UP = 200;

/** The average cost of one of many operations, after a warm-up. */
const costOf = async (
  client: RawClient,
  many: number,
  one: (at: number) => Promise<unknown>,
): Promise<Cost> => {
  for (let at = 0; at < WARM_UP; at += 1) await one(at);
  const before = await totalCost(client);
  for (let at = WARM_UP; at < WARM_UP + many; at += 1) await one(at);
  const after = await totalCost(client);
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

(process.platform === 'linux' ? describe : describe.skip)('the cost of a hot path', () => {
  const openClient = () =>
    RawClient.open({ argv: [process.execPath, ...NEVER_COLLECTING, programPath, '--stdio'] });

  it('is bounded for a key and its echo', async () => {
    const client = await openClient();
    await start(client, 'cat', ['cat'], { pipeStdin: true });
    let keys = 0;
    const cost = await costOf(client, 500, async () => {
      keys += 1;
      await client.request('process/write', { processId: 'cat', chunk: 'eA==' });
      await client.waitFor(
        'the echo of the key',
        ({ method, params }) => method === 'process/output' && params.seq === keys,
      );
    });
    // The server reads the key, writes it to the process and answers; then it reads and sends the echo.
    expectAtMost(cost, { heapBytes: 22 * KIB, reads: 2.1, writes: 3.1 });
    await client.close();
  });

  it('is bounded for a short command', async () => {
    const client = await openClient();
    const cost = await costOf(client, 200, async at => {
      await start(client, `p${at}`, ['/bin/true']);
      await client.waitFor('process/closed', about('process/closed', `p${at}`));
    });
    // Most of the reads load the program.
    expectAtMost(cost, { heapBytes: 100 * KIB, reads: 20, writes: 7.1 });
    await client.close();
  });

  for (const framing of ['contentLength', 'binary'] as const) {
    it(`is bounded in memory for a flood, framing ${framing}`, async () => {
      const client = await RawClient.open({
        framing,
        argv: [process.execPath, OFTEN_COLLECTING, programPath, '--stdio'],
      });
      await start(client, 'little', ['echo', 'x']);
      await client.waitFor('process/closed', about('process/closed', 'little'));
      const before = ofProc(client, 'status', 'VmHWM');
      await start(client, 'much', ['head', '-c', String(256 * MIB), '/dev/zero']);
      await client.waitFor('process/closed', about('process/closed', 'much'));
      // New memory for each read or frame would cost three times as much with binary frames.
      expect(ofProc(client, 'status', 'VmHWM') - before)
        .to.be.above(0)
        .and.at.most(26 * KIB);
      await client.close();
    });
  }
});

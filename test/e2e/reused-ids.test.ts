import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ptyUnavailable } from '../../src/server/process/pty/pty-binding.ts';
import { RawClient } from './support/raw-client.ts';
import { waitForNoSurvivorsIn } from './support/survivors.ts';

const ENV = { PATH: '/usr/local/bin:/usr/bin:/bin' };
const ROUNDS = 20;

// Leaves the group and has the streams open, so that the server searches for it when the process is ended.
const HOLDER = ['sh', '-c', 'setsid sleep 20 & echo ready; exec sleep 60'];
const NEXT = ['sh', '-c', 'echo on; sleep 0.3; echo fine'];

(process.platform === 'linux' ? describe : describe.skip)('the end of a process', () => {
  let client: RawClient;
  let cwd: string;

  beforeEach(async () => {
    cwd = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-test-')));
    client = await RawClient.open();
  });

  afterEach(async () => {
    expect(await client.close()).to.equal(0);
    await waitForNoSurvivorsIn(cwd);
    rmSync(cwd, { recursive: true });
  });

  const start = (processId: string, argv: readonly string[], more: object) =>
    client.request('process/start', { processId, argv, cwd, env: ENV, ...more });

  const about = (method: string, processId: string) =>
    client.waitFor(
      `${method} of ${processId}`,
      message => message.method === method && message.params.processId === processId,
    );

  const ends: Record<string, (processId: string, more: object) => Promise<void>> = {
    'process/terminate': async (processId, more) => {
      await start(processId, HOLDER, more);
      await about('process/output', processId);
      await client.request('process/terminate', { processId });
      await about('process/closed', processId);
    },
    timeoutMs: async (processId, more) => {
      await start(processId, HOLDER, { ...more, timeoutMs: 200 });
      await about('process/closed', processId);
    },
  };

  for (const [how, end] of Object.entries(ends)) {
    for (const tty of [false, true]) {
      it(`does not affect the next one, which reuses its ids: ${how}, ${tty ? 'terminals' : 'pipes'}`, async function () {
        if (tty && ptyUnavailable() !== undefined) this.skip();
        for (let round = 0; round < ROUNDS; round += 1) {
          await end(`first ${round}`, { tty });
          await start(`next ${round}`, NEXT, { tty });
        }
        const results = [];
        for (let round = 0; round < ROUNDS; round += 1) {
          const { stdout, pty, exited } = await client.finished(`next ${round}`);
          results.push([`${stdout}${pty}`.replaceAll('\r', ''), exited.exitCode, exited.signal]);
        }
        expect(results).to.deep.equal(Array(ROUNDS).fill(['on\nfine\n', 0, null]));
      });
    }
  }

  it('reports no unrelated process as holder, though the next one reuses the pipe of an ended stdout', async () => {
    const script = 'exec 3>&2; setsid sleep 600 >/dev/null 2>&3 & exec sleep 0.2 >/dev/null 2>&3';
    await start('cut', ['sh', '-c', script], { drainMs: 1000 });
    // They reuse the pipe of its stdout.
    for (let at = 0; at < 4; at += 1) await start(`next ${at}`, ['sleep', '600'], {});
    await about('process/exited', 'cut');
    for (let at = 4; at < 8; at += 1) await start(`next ${at}`, ['sleep', '600'], {});
    const { params } = await about('process/closed', 'cut');
    expect(params.holders).to.have.lengthOf(1);
  });
});

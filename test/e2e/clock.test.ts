import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { fixturePath, programPath } from './support/program.ts';
import { RawClient } from './support/raw-client.ts';
import { waitForNoSurvivorsIn } from './support/survivors.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';
const STUBBORN = 'trap "" TERM HUP; echo ready; while :; do sleep 0.05; done';

describe('a server whose clock is set back', () => {
  let client: RawClient;
  let cwd: string;

  beforeEach(async () => {
    cwd = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-test-')));
    const preloaded = fixturePath('sets-clock-back.js');
    client = await RawClient.open({
      argv: [process.execPath, '--import', preloaded, programPath, '--stdio'],
    });
  });

  afterEach(async () => {
    expect(await client.close()).to.equal(0);
    await waitForNoSurvivorsIn(cwd);
    rmSync(cwd, { recursive: true });
  });

  const start = (processId: string, script: string, more: object = {}) =>
    client.request('process/start', {
      processId,
      argv: ['sh', '-c', script],
      cwd,
      env: { PATH },
      ...more,
    });
  const output = () => client.waitFor('output', ({ method }) => method === 'process/output');

  for (const tty of [false, true]) {
    const where = tty ? 'a terminal' : 'pipes';

    it(`sends SIGKILL after SIGTERM: process/terminate on ${where}`, async () => {
      await start('p', STUBBORN, { tty, killGraceMs: 50 });
      await output();
      await client.request('process/terminate', { processId: 'p' });
      const { exited } = await client.finished('p');
      expect(exited).to.deep.include({ signal: 'SIGKILL', reason: 'terminated' });
    });

    it(`sends SIGKILL after SIGTERM: timeoutMs on ${where}`, async () => {
      await start('p', 'trap "" TERM HUP; while :; do sleep 0.05; done', {
        tty,
        timeoutMs: 300,
        killGraceMs: 50,
      });
      const { exited } = await client.finished('p');
      expect(exited).to.deep.include({ reason: 'timeout' });
    });
  }

  it('answers process/read after waitMs', async () => {
    await start('p', 'exec sleep 600');
    const { chunks, exited } = await client.request('process/read', { processId: 'p', waitMs: 50 });
    expect([chunks, exited]).to.deep.equal([[], false]);
  });

  it('lists processes in the order of their starts', async () => {
    const ids = ['a', 'b', 'c'];
    for (const id of ids) await start(id, 'exec sleep 600');
    const { processes } = await client.request('process/list');
    expect(processes.map(({ processId }: { processId: string }) => processId)).to.deep.equal(ids);
  });

  it('ends processes that ignore SIGTERM with the connection, also in a group without its leader', async () => {
    await start('led', STUBBORN);
    await start('left', `(${STUBBORN}) & until read -r line; do :; done`, { pipeStdin: true });
    for (const id of ['led', 'left'])
      await client.waitFor(
        id,
        ({ method, params }) => method === 'process/output' && params.processId === id,
      );
    await client.request('process/signal', { processId: 'left', signal: 'KILL', target: 'process' });
    await client.waitFor('the exit', ({ method }) => method === 'process/exited');
    expect(await client.close()).to.equal(0);
    await waitForNoSurvivorsIn(cwd);
  });
});

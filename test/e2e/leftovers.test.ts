import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { fixturePath } from './support/program.ts';
import { RawClient } from './support/raw-client.ts';
import { noSurvivorsIn, survivorsIn } from './support/survivors.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';

describe('what processes leave behind', () => {
  let client: RawClient;
  let cwd: string;
  let temp: string;

  beforeEach(async () => {
    cwd = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-test-')));
    temp = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-test-')));
    client = await RawClient.open({ env: { ...process.env, TMPDIR: temp } });
  });

  afterEach(async () => {
    await client.close();
    await noSurvivorsIn(cwd);
    expect(readdirSync(temp)).to.deep.equal([]);
    for (const directory of [cwd, temp]) rmSync(directory, { recursive: true });
  });

  const sh = (processId: string, script: string, more: object = {}) =>
    client.request('process/start', { processId, argv: ['sh', '-c', script], cwd, env: { PATH }, ...more });

  it('is told when the streams are cut: who still holds them', async () => {
    await sh('holder', 'sleep 600 & echo hi; exit 2', { drainMs: 100 });
    const { stdout, exited, closed } = await client.finished('holder');
    expect(stdout.toString()).to.equal('hi\n');
    expect(exited.exitCode).to.equal(2);
    expect(closed.holders.map(({ name }: { name: string }) => name)).to.deep.equal(['sleep']);
    expect(survivorsIn(cwd).map(line => line.split(' ')[1])).to.deep.equal(['sleep']);
  });

  it('holds up no close when the streams end by themselves', async () => {
    await sh('plain', 'echo hi');
    expect((await client.finished('plain')).closed).not.to.have.property('holders');
  });

  it('does not hang on a process substitution', async () => {
    await client.request('process/start', {
      processId: 'tee',
      argv: ['bash', '-c', 'exec > >(tee -a f) 2>&1 && true'],
      cwd,
      env: { PATH },
    });
    expect((await client.finished('tee')).exited.exitCode).to.equal(0);
  });

  it('ends a whole pipeline at the timeout', async () => {
    await sh('fifo', 'mkfifo p; (while :; do echo x; sleep 1; done) > p & cat p', {
      timeoutMs: 500,
      killGraceMs: 200,
    });
    const { exited } = await client.finished('fifo');
    expect(exited).to.deep.include({ reason: 'timeout' });
    await noSurvivorsIn(cwd);
  });

  it('gives a process that handles SIGTERM the time to say goodbye at the timeout', async () => {
    await sh('goodbye', 'trap "echo bye; exit 9" TERM; echo ready; while :; do sleep 0.05; done', {
      timeoutMs: 300,
    });
    const { stdout, exited } = await client.finished('goodbye');
    expect(stdout.toString()).to.equal('ready\nbye\n');
    expect(exited).to.deep.include({ exitCode: 9, reason: 'timeout', signal: null });
  });

  it('ends those who have left the group and kept a stream, when the process is terminated', async () => {
    await sh('escaped', 'setsid sleep 600 & echo ready; wait');
    await client.waitFor('output', ({ method }) => method === 'process/output');
    await client.request('process/terminate', { processId: 'escaped' });
    await client.finished('escaped');
    await noSurvivorsIn(cwd);
  });

  it('does not wait for a long grace when the connection ends', async () => {
    await client.request('process/start', {
      processId: 'patient',
      argv: ['sh', fixturePath('ignores-sigterm.sh')],
      cwd,
      env: { PATH },
      killGraceMs: 600_000,
    });
    await client.waitFor('output', ({ method }) => method === 'process/output');
    await client.request('process/terminate', { processId: 'patient' });
    await client.close();
    await noSurvivorsIn(cwd, 0);
  });

  it('reaches a process, its group or its tree with a signal', async () => {
    await sh(
      'tree',
      'trap "echo parent" USR1; setsid sh -c "trap \'echo grandchild\' USR1; echo up; while :; do sleep 0.05; done" & while :; do sleep 0.05; done',
    );
    await client.waitFor('output', ({ method }) => method === 'process/output');
    const output = () =>
      client.messages
        .filter(({ method }) => method === 'process/output')
        .map(({ params }) => Buffer.from(params.chunk, 'base64').toString())
        .join('');
    const seen = async (text: string) => client.waitFor(text, () => output().includes(text));
    await client.request('process/signal', { processId: 'tree', signal: 'USR1', target: 'process' });
    await seen('parent');
    expect(output()).not.to.contain('grandchild');
    await client.request('process/signal', { processId: 'tree', signal: 'SIGUSR1', target: 'tree' });
    await seen('grandchild');
    await client.request('process/terminate', { processId: 'tree' });
    await client.finished('tree');
  });

  it('lists processes with what runs below them', async () => {
    await sh('listed', 'sleep 600 & echo ready; wait');
    await sh('ended', 'exit 3');
    await client.waitFor('output', ({ method }) => method === 'process/output');
    await client.finished('ended');
    const { processes } = await client.request('process/list');
    const byId = (id: string) => processes.find(({ processId }: { processId: string }) => processId === id);
    expect(byId('listed')).to.deep.include({
      argv0: 'sh',
      tty: false,
      state: 'running',
      exitCode: null,
      bytes: { stdout: 6, stderr: 0, pty: 0 },
    });
    expect(byId('listed').descendants.map(({ name }: { name: string }) => name)).to.deep.equal(['sleep']);
    expect(byId('ended')).to.deep.include({ state: 'closed', exitCode: 3, descendants: [] });
  });

  /** Children of every kind that have to go with the server, and one that has left on purpose. */
  const withEverything = async () => {
    await sh('obedient', 'echo ready; sleep 600');
    await client.request('process/start', {
      processId: 'stubborn',
      argv: ['sh', fixturePath('ignores-sigterm.sh')],
      cwd,
      env: { PATH },
    });
    await sh('setsid', 'setsid sh -c \'trap "" TERM HUP; echo ready; while :; do sleep 1; done\' & wait');
    await sh('background', 'sleep 600 >/dev/null 2>&1 </dev/null & echo ready');
    await sh('terminal', 'trap "" HUP TERM; echo ready; sleep 600', { tty: true });
    await sh('jobs', 'set -m; sleep 600 & echo ready; wait', { tty: true });
    for (const id of ['obedient', 'stubborn', 'setsid', 'background', 'terminal', 'jobs']) {
      await client.waitFor(
        `output of ${id}`,
        ({ method, params }) => method === 'process/output' && params.processId === id,
      );
    }
    await sh('daemon', 'setsid sleep 601 >/dev/null 2>&1 </dev/null & echo gone');
    await client.finished('daemon');
  };

  const onlyTheDaemonIsLeft = async () => {
    for (let patience = 150; survivorsIn(cwd).length > 1 && patience > 0; patience -= 1) await delay(20);
    const left = survivorsIn(cwd);
    for (const line of left) process.kill(Number.parseInt(line, 10), 'SIGKILL');
    expect(left.map(line => line.replace(/^\d+ /, ''))).to.deep.equal(['sleep 601']);
  };

  it('is nothing when stdin ends, but for what has left on purpose', async () => {
    await withEverything();
    await client.close();
    await onlyTheDaemonIsLeft();
  });

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    it(`is nothing after ${signal} of the server, but for what has left on purpose`, async () => {
      await withEverything();
      client.server.kill(signal);
      await client.ended;
      await onlyTheDaemonIsLeft();
      for (let patience = 150; readdirSync(temp).length > 0 && patience > 0; patience -= 1) await delay(20);
    });
  }

  it('is no descriptor and no file after many processes', async () => {
    const many = async (from: number) =>
      Promise.all(
        Array.from({ length: 100 }, async (_, at) => {
          await sh(`p${from + at}`, 'echo hi', { pipeStdin: true });
          await client.finished(`p${from + at}`);
        }),
      );
    await many(0);
    const { openDescriptors: before } = await client.request('server/status');
    for (let round = 1; round <= 5; round += 1) await many(round * 100);
    const { openDescriptors: after } = await client.request('server/status');
    expect(after).to.be.at.most(before);
    expect(existsSync(temp)).to.equal(true);
  });
});

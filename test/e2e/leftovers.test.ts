import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { until } from '../support/until.ts';
import { fixturePath } from './support/program.ts';
import { RawClient } from './support/raw-client.ts';
import {
  pipeDirectoriesOf,
  processTreeOf,
  survivorsIn,
  survivorsOf,
  waitForNoSurvivorsIn,
} from './support/survivors.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';

/** Starts a sleep in the background and waits for its exec: until then it has the name of its shell. */
const SLEEP = 'sleep 600 & while read -r name </proc/$!/comm && [ "$name" != sleep ]; do sleep 0.01; done';

describe('a leftover of a process', () => {
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
    await waitForNoSurvivorsIn(cwd);
    expect(readdirSync(temp)).to.deep.equal([]);
    for (const directory of [cwd, temp]) rmSync(directory, { recursive: true });
  });

  const programsLeft = () => survivorsIn(cwd).map(line => line.split(' ')[1]);
  const sh = (processId: string, script: string, more: object = {}) =>
    client.request('process/start', { processId, argv: ['sh', '-c', script], cwd, env: { PATH }, ...more });

  it('does not delay process/exited: a background job with the streams of the process', async () => {
    const argv = ['bash', '-c', 'sleep 600 & echo hi; exit 0'];
    await client.request('process/start', { processId: 'job', argv, cwd, env: { PATH }, drainMs: 600_000 });
    const { params } = await client.waitFor('process/exited', ({ method }) => method === 'process/exited');
    expect(params).to.deep.include({ processId: 'job', seq: 2, exitCode: 0, reason: 'exited' });
    expect(client.messages.map(({ method }) => method)).not.to.include('process/closed');
    await until(() => String(programsLeft()) === 'sleep', 'sleep is not the only survivor');
  });

  it('is reported as a holder when the streams are closed', async () => {
    await sh('holder', `${SLEEP}; echo hi; exit 2`, { drainMs: 100 });
    const { stdout, exited, closed } = await client.finished('holder');
    expect(stdout.toString()).to.equal('hi\n');
    expect(exited.exitCode).to.equal(2);
    expect(closed.holders.map(({ name }: { name: string }) => name)).to.deep.equal(['sleep']);
    await until(() => String(programsLeft()) === 'sleep', 'sleep is not the only survivor');
  });

  it('is not waited for when the streams end', async () => {
    await sh('plain', 'echo hi');
    expect((await client.finished('plain')).closed).not.to.have.property('holders');
  });

  it('does not delay process/closed: a process substitution', async () => {
    await client.request('process/start', {
      processId: 'tee',
      argv: ['bash', '-c', 'exec > >(tee -a f) 2>&1 && true'],
      cwd,
      env: { PATH },
    });
    expect((await client.finished('tee')).exited.exitCode).to.equal(0);
  });

  it('is ended at the timeout: a pipeline', async () => {
    await sh('fifo', 'mkfifo p; (while :; do echo x; sleep 1; done) > p & cat p', {
      timeoutMs: 500,
      killGraceMs: 200,
    });
    const { exited } = await client.finished('fifo');
    expect(exited).to.deep.include({ reason: 'timeout' });
    await waitForNoSurvivorsIn(cwd);
  });

  it('has time to handle SIGTERM at the timeout', async () => {
    const finishAtTimeout = async (timeoutMs: number): ReturnType<RawClient['finished']> => {
      const script = 'trap "echo bye; exit 9" TERM; echo ready; while :; do sleep 0.05; done';
      await sh(`timeout ${timeoutMs}`, script, { timeoutMs, killGraceMs: 600_000 });
      const end = await client.finished(`timeout ${timeoutMs}`);
      // On a slow machine the trap may not be set yet; a longer timeout follows.
      return end.stdout.length > 0 ? end : finishAtTimeout(timeoutMs * 4);
    };
    const { stdout, exited } = await finishAtTimeout(300);
    expect(stdout.toString()).to.equal('ready\nbye\n');
    expect(exited).to.deep.include({ exitCode: 9, reason: 'timeout', signal: null });
  });

  it('is ended by process/terminate: one outside of the group that has a stream open', async () => {
    await sh('escaped', 'setsid sleep 600 & echo ready; wait');
    await client.waitFor('output', ({ method }) => method === 'process/output');
    await client.request('process/terminate', { processId: 'escaped' });
    await client.finished('escaped');
    await waitForNoSurvivorsIn(cwd);
  });

  const terminate = () => client.request('process/terminate', { processId: 'reader' });
  const close = () => client.close();
  const endings = [
    ['the process is terminated', 'wait', terminate],
    ['the connection ends', 'wait', close],
    ['the connection ends after the process', 'exit', close],
  ] as const;
  for (const [when, then, end] of endings) {
    it(`is ended when ${when}: one outside of the group that has only stdin open`, async () => {
      const inOwnSession = "setsid sh -c ': > up; exec sleep 600' <&3 3<&- >/dev/null 2>&1";
      await sh(
        'reader',
        `exec 3<&0; ${inOwnSession} & until [ -e up ]; do sleep 0.01; done; echo ready; ${then}`,
        {
          pipeStdin: true,
        },
      );
      const method = then === 'exit' ? 'process/closed' : 'process/output';
      await client.waitFor(method, message => message.method === method);
      await until(() => programsLeft().includes('sleep'), 'sleep has not started');
      await end();
      await waitForNoSurvivorsIn(cwd);
    });
  }

  it('gets a short grace period when the connection ends', async () => {
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
    await waitForNoSurvivorsIn(cwd, 0);
  });

  it('receives a signal to the tree of its process, not one to the process', async () => {
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

  it('is listed with its process', async () => {
    await sh('listed', `${SLEEP}; echo ready; wait`);
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

  it('does not remain after 36 dropped connections, six at each of six steps', async () => {
    const initialize = (dropped: RawClient) => dropped.request('initialize', { clientName: 'drops' });
    const start = (processId: string, tty: boolean) => (dropped: RawClient) =>
      dropped.send({
        id: processId,
        method: 'process/start',
        params: { processId, argv: ['sh', '-c', 'echo ready; exec sleep 600'], cwd, env: { PATH }, tty },
      });
    const output = (dropped: RawClient) =>
      dropped.waitFor('output', ({ method }) => method === 'process/output');
    const steps: Array<(dropped: RawClient) => unknown> = [
      initialize,
      dropped => dropped.send({ method: 'initialized' }),
      start('on pipes', false),
      output,
      start('on a tty', true),
    ];
    const processes: ReturnType<typeof processTreeOf> = [];
    const directories: string[] = [];
    const cycle = async (at: number) => {
      const dropped = new RawClient({ cwd });
      for (const step of steps.slice(0, at % (steps.length + 1))) await step(dropped);
      processes.push(...processTreeOf(dropped.server.pid as number));
      directories.push(...pipeDirectoriesOf(dropped.server.pid as number));
      dropped.server.stdin.destroy();
      dropped.server.stdout.destroy();
      await dropped.ended;
    };
    for (let at = 0; at < 36; at += 4) await Promise.all([at, at + 1, at + 2, at + 3].map(cycle));
    await until(() => survivorsOf(processes).length === 0, 'there are processes left');
    await waitForNoSurvivorsIn(cwd);
    expect(directories).not.to.deep.equal([]);
    await until(() => !directories.some(existsSync), 'there are directories left');
  });

  it('does not remain as descriptor or file after many processes', async () => {
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

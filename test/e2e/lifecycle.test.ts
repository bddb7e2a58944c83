import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { childrenOf } from './support/process-tree.ts';
import { fixturePath, programPath } from './support/program.ts';
import { RawClient, rawFrame } from './support/raw-client.ts';
import { waitForNoSurvivorsIn } from './support/survivors.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';

describe('exec-server --stdio', () => {
  let cwd: string;

  beforeEach(() => {
    cwd = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-')));
  });

  afterEach(async () => {
    await waitForNoSurvivorsIn(cwd);
    rmSync(cwd, { recursive: true });
  });

  /** A server with children that obey SIGTERM, that ignore it, and that run in the background. */
  const withChildren = async (): Promise<RawClient> => {
    const client = await RawClient.open();
    const start = (processId: string, argv: string[]) =>
      client.request('process/start', { processId, argv, cwd, env: { PATH }, pipeStdin: true });
    await start('obedient', ['sleep', '600']);
    await start('stubborn', ['sh', fixturePath('ignores-sigterm.sh')]);
    await start('background', ['sh', '-c', 'sleep 600 >/dev/null 2>&1 </dev/null & echo started']);
    await client.waitFor('output', ({ params }) => params?.processId === 'stubborn');
    await client.finished('background');
    return client;
  };

  it('ends its children and exits when its stdin ends', async () => {
    const client = await withChildren();
    expect(await client.close()).to.equal(0);
    expect((await client.finished('obedient')).exited).to.include({
      signal: 'SIGTERM',
      reason: 'terminated',
      exitCode: 143,
    });
    expect((await client.finished('stubborn')).exited).to.include({
      signal: 'SIGKILL',
      reason: 'terminated',
      exitCode: 137,
    });
    await waitForNoSurvivorsIn(cwd, 0);
  });

  const signals = { SIGTERM: 143, SIGHUP: 129, SIGINT: 130 } as const;
  for (const [signal, exitCode] of Object.entries(signals)) {
    it(`ends its children and exits on ${signal} while its stdin is open`, async () => {
      const client = await withChildren();
      client.server.kill(signal as keyof typeof signals);
      expect(await client.ended).to.equal(exitCode);
      expect((await client.finished('stubborn')).closed).to.have.property('seq');
      await waitForNoSurvivorsIn(cwd, 0);
    });
  }

  it('exits when its stdout is closed', async () => {
    const client = await withChildren();
    client.server.stdout.destroy();
    client.send({ id: 1, method: 'environment/info' });
    await client.ended;
    await waitForNoSurvivorsIn(cwd, 0);
  });

  it('exits when its stdout is closed during a flood', async () => {
    const client = await withChildren();
    await client.request('process/start', { processId: 'flood', argv: ['yes'], cwd, env: { PATH } });
    client.server.stdout.destroy();
    await client.ended;
    await waitForNoSurvivorsIn(cwd, 0);
  });

  it('refuses starts while it is ending', async () => {
    const client = await withChildren();
    client.server.kill('SIGTERM');
    // Sent together, because the server may exit before a request that waits for an answer. The first may overtake the
    // signal.
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        client.ask('process/start', { processId: `late ${at}`, argv: ['sleep', '600'], cwd, env: { PATH } }),
      ),
    );
    const refused = answers.slice(answers.findIndex(({ error }) => error !== undefined));
    expect(refused.map(({ error }) => error?.data)).to.deep.equal(
      refused.map(() => ({ kind: 'shuttingDown' })),
    );
    expect(answers.at(-1)?.error?.data).to.deep.equal({ kind: 'shuttingDown' });
    await client.ended;
    await waitForNoSurvivorsIn(cwd, 0);
  });

  it('answers all requests before the end of stdin', async () => {
    const client = new RawClient();
    client.send({ id: 1, method: 'initialize', params: { clientName: 'raw' } });
    client.send({ method: 'initialized' });
    for (let id = 2; id <= 1000; id += 1) client.send({ id, method: 'environment/info' });
    expect(await client.close()).to.equal(0);
    expect(client.messages.map(({ id }) => id)).to.deep.equal(
      Array.from({ length: 1000 }, (_, at) => at + 1),
    );
  });

  it('exits at the end of a stdin that is not a pipe: /dev/null', async () => {
    const server = spawn(process.execPath, [programPath, '--stdio'], {
      stdio: [openSync('/dev/null', 'r'), 'pipe', 'inherit'],
    });
    expect((await once(server, 'close'))[0]).to.equal(0);
  });

  it('runs processes also if the file of Node is not accessible', async () => {
    const preloaded = fixturePath('loses-node.js');
    const client = await RawClient.open({
      argv: [process.execPath, '--import', preloaded, programPath, '--stdio'],
    });
    await client.request('process/start', { processId: 'p', argv: ['echo', 'started'], cwd, env: { PATH } });
    expect(String((await client.finished('p')).stdout)).to.equal('started\n');
    expect(await client.close()).to.equal(0);
    expect(client.stderr).to.equal('');
  });

  it('writes only frames to stdout', async () => {
    const client = await withChildren();
    client.sendBytes('noise\n');
    client.sendBytes(rawFrame('not json'));
    client.send({ id: 1, method: 'nonsense' });
    client.send({
      id: 2,
      method: 'process/start',
      params: { processId: 'none', argv: ['missing'], cwd, env: {} },
    });
    await client.request('process/start', {
      processId: 'loud',
      argv: ['sh', '-c', 'seq 20000; seq 20000 >&2'],
      cwd,
      env: { PATH },
    });
    await client.finished('loud');
    client.server.kill('SIGTERM');
    await client.ended;
    expect(client.strayBytes).to.equal('');
    expect(client.stderr).to.equal('');
  });

  it('numbers output, exit and close of a process without gaps and reports its bytes', async () => {
    const client = await RawClient.open();
    await client.request('process/start', {
      processId: 'count',
      argv: [process.execPath, fixturePath('lines.js'), '20000'],
      cwd,
      env: { PATH },
    });
    const { stdout, order, seqs, closed } = await client.finished('count');
    expect(stdout.toString()).to.equal(Array.from({ length: 20000 }, (_, at) => `line ${at + 1}\n`).join(''));
    expect(seqs).to.deep.equal(seqs.map((_, at) => at + 1));
    expect(order.slice(-2)).to.deep.equal(['process/exited', 'process/closed']);
    expect(closed.bytes).to.deep.equal({ stdout: stdout.length, stderr: 0, pty: 0 });
    await client.close();
  });

  it('blocks a child while the client does not read, and loses no output', async () => {
    const client = await RawClient.open();
    client.server.stdout.pause();
    client.send({
      id: 9,
      method: 'process/start',
      params: {
        processId: 'big',
        argv: ['sh', '-c', 'head -c 67108864 /dev/zero; exit 0'],
        cwd,
        env: { PATH },
      },
    });
    // A child that blocks on its pipe stays asleep in a write.
    await blockedChildOf(client.server.pid as number);
    client.server.stdout.resume();
    const { stdout, exited } = await client.finished('big');
    expect(stdout.length).to.equal(67108864);
    expect(exited.exitCode).to.equal(0);
    await client.close();
  });
});

/** Resolves when the child that has written most has written something and then nothing for a while. */
const blockedChildOf = async (server: number): Promise<void> => {
  for (let before = -1; ; await delay(100)) {
    const written = Math.max(
      0,
      ...childrenOf(server)
        .flatMap(shell => childrenOf(shell))
        .map(bytesWritten),
    );
    if (written > 0 && written === before) return;
    before = written;
  }
};

const bytesWritten = (pid: number): number => {
  try {
    return Number(/^wchar: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
  } catch {
    return 0;
  }
};

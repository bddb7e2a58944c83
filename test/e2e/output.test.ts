import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { until } from '../support/until.ts';
import { RawClient } from './support/raw-client.ts';
import { waitForNoSurvivorsIn } from './support/survivors.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';

describe('the output of processes', () => {
  let client: RawClient;
  let cwd: string;

  beforeEach(async () => {
    cwd = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-')));
    client = await RawClient.open();
  });

  afterEach(async () => {
    await client.close();
    expect(client.strayBytes).to.equal('');
    await waitForNoSurvivorsIn(cwd);
    rmSync(cwd, { recursive: true });
  });

  const start = (processId: string, argv: string[], more: object = {}) =>
    client.request('process/start', { processId, argv, cwd, env: { PATH }, ...more });
  const sh = (processId: string, script: string, more: object = {}) =>
    start(processId, ['sh', '-c', script], more);

  for (const tty of [false, true]) {
    it(`arrives completely from a burst before the exit, 100 times: ${tty ? 'on a terminal' : 'on pipes'}`, async () => {
      const burst = 'x'.repeat(20_480);
      for (let run = 0; run < 100; run += 1) {
        await start(`burst ${run}`, ['/bin/echo', '-n', burst], { tty });
        const { stdout, closed, ...rest } = await client.finished(`burst ${run}`);
        const received = tty ? rest.pty : stdout;
        expect(received.length).to.equal(burst.length);
        expect(closed.bytes[tty ? 'pty' : 'stdout']).to.equal(burst.length);
      }
    });
  }

  it('arrives completely from a program that closes its terminal before it exits', async () => {
    for (let run = 0; run < 50; run += 1) {
      await sh(`early ${run}`, 'head -c 20480 /dev/zero | tr "\\0" x; exec <&- >&- 2>&-; exit 3', {
        tty: true,
      });
      const { pty, exited } = await client.finished(`early ${run}`);
      expect(pty.length).to.equal(20_480);
      expect(exited.exitCode).to.equal(3);
    }
  });

  it('is retained completely up to the limit', async () => {
    const limit = 1024 * 1024;
    for (const [processId, bytes] of [
      ['limit', limit],
      ['more', limit + 1],
    ] as const) {
      await sh(processId, `head -c ${bytes} /dev/zero`);
      const { closed } = await client.finished(processId);
      const { chunks, droppedBytes, nextSeq } = await client.request('process/read', { processId });
      const read = Buffer.concat(chunks.map(({ chunk }: { chunk: string }) => Buffer.from(chunk, 'base64')));
      expect(nextSeq).to.equal(closed.seq + 1);
      expect(read.length + droppedBytes).to.equal(bytes);
      expect(droppedBytes > 0).to.equal(bytes > limit);
    }
  });

  it('can be opened by name, as /dev/stdout, and the input as /dev/stdin', async () => {
    await sh('named', 'cat /dev/stdin > /dev/stdout; echo err | tee /dev/stderr > /dev/null', {
      pipeStdin: true,
    });
    await client.request('process/write', {
      processId: 'named',
      chunk: Buffer.from('in\n').toString('base64'),
    });
    await client.request('process/closeStdin', { processId: 'named' });
    const { stdout, stderr } = await client.finished('named');
    expect({ stdout: stdout.toString(), stderr: stderr.toString() }).to.deep.equal({
      stdout: 'in\n',
      stderr: 'err\n',
    });
  });

  it('is not delayed by a program that opens its stdin by name after the end of the input', async () => {
    await sh('late', 'read go; cat /dev/stdin; cat /dev/stdin', { pipeStdin: true });
    const chunk = Buffer.from('go\nrest\n').toString('base64');
    await client.request('process/write', { processId: 'late', chunk });
    await client.request('process/closeStdin', { processId: 'late' });
    expect((await client.finished('late')).stdout.toString()).to.equal('rest\n');
  });

  it('is one stream in the order of the writes with mergeStderr', async () => {
    const script = 'i=0; while [ $i -lt 200 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done';
    await sh('merged', script, { mergeStderr: true });
    const { stdout, stderr } = await client.finished('merged');
    const expected = Array.from({ length: 200 }, (_, i) => `out ${i}\nerr ${i}\n`).join('');
    expect({ stdout: stdout.toString(), stderr: stderr.length }).to.deep.equal({
      stdout: expected,
      stderr: 0,
    });
  });

  it('is reduced to head and tail with headTail, which reports the dropped bytes', async () => {
    await sh('cut', 'seq 200000', { output: 'headTail', maxOutputBytes: 4096 });
    const { stdout, order, closed } = await client.finished('cut');
    const all = Array.from({ length: 200_000 }, (_, i) => `${i + 1}\n`).join('');
    expect(stdout.toString()).to.equal(all.slice(0, 2048) + all.slice(-2048));
    const dropped = client.messages.find(({ method }) => method === 'process/outputDropped')?.params;
    expect(dropped.bytes).to.deep.equal({ stdout: all.length - 4096, stderr: 0, pty: 0 });
    expect(order.filter(method => method === 'process/outputDropped').length).to.equal(1);
    expect(closed.bytes.stdout).to.equal(4096);
  });

  it('never blocks a child with headTail', async () => {
    client.server.stdout.pause();
    client.send({
      id: 50,
      method: 'process/start',
      params: {
        processId: 'free',
        argv: ['sh', '-c', 'head -c 67108864 /dev/zero; : > finished'],
        cwd,
        env: { PATH },
        output: 'headTail',
      },
    });
    await waitForFile(join(cwd, 'finished'));
    client.server.stdout.resume();
    const { stdout } = await client.finished('free');
    expect(stdout.length).to.equal(1024 * 1024);
  });

  describe('with a credit window', () => {
    beforeEach(async () => {
      await client.close();
      client = new RawClient();
      await client.request('initialize', { clientName: 'raw', outputWindowBytes: 65_536 });
      client.send({ method: 'initialized' });
    });

    const received = (processId: string) =>
      client.messages
        .filter(({ method, params }) => method === 'process/output' && params.processId === processId)
        .map(({ params }) => ({
          seq: params.seq as number,
          bytes: Buffer.from(params.chunk, 'base64').length,
        }));
    const total = (processId: string) => received(processId).reduce((sum, { bytes }) => sum + bytes, 0);

    /** Acknowledges output until process/closed; checks that at most one window is unacknowledged. */
    const acknowledgeUntilClosed = async (processId: string) => {
      for (let acknowledged = 0, last = 0; ; ) {
        expect(total(processId)).to.be.at.most(acknowledged + 65_536);
        acknowledged = total(processId);
        last = received(processId).at(-1)?.seq ?? last;
        await client.request('process/acknowledge', { processId, seq: last });
        const { method } = await client.waitFor(
          'more output',
          ({ method, params }) =>
            (method === 'process/output' || method === 'process/closed') &&
            params.processId === processId &&
            params.seq > last,
        );
        if (method === 'process/closed') return client.finished(processId);
      }
    };

    it('waits for an acknowledgement without delay of other processes', async () => {
      await sh('unread', 'head -c 300000 /dev/zero');
      await client.waitFor('output', ({ params }) => params?.processId === 'unread');
      await sh('other', 'echo hello');
      expect((await client.finished('other')).stdout.toString()).to.equal('hello\n');
      expect(total('unread')).to.be.at.most(65_536);

      expect((await acknowledgeUntilClosed('unread')).stdout.length).to.equal(300_000);
    });

    it('sends as much more as an acknowledgement enlarges the window by', async () => {
      await sh('unread', 'head -c 300000 /dev/zero');
      await client.waitFor('output', ({ params }) => params?.processId === 'unread');
      const { seq } = received('unread').at(-1) as { seq: number };
      await client.request('process/acknowledge', { processId: 'unread', seq, windowBytes: 1024 * 1024 });
      expect((await client.finished('unread')).stdout.length).to.equal(300_000);
    });

    it('does not delay process/exited by output that waits for an acknowledgement', async () => {
      await sh('short', 'head -c 100000 /dev/zero; exit 5');
      const exited = await client.waitFor('process/exited', ({ method }) => method === 'process/exited');
      expect(exited.params.exitCode).to.equal(5);
      expect(total('short')).to.be.at.most(65_536);
      const { stdout, seqs } = await acknowledgeUntilClosed('short');
      expect(stdout.length).to.equal(100_000);
      expect(seqs).to.deep.equal(seqs.map((_, at) => at + 1));
    });
  });

  describe('process/read', () => {
    const read = (processId: string, more: object = {}) =>
      client.request('process/read', { processId, ...more });
    const text = ({ chunks }: { chunks: Array<{ chunk: string }> }) =>
      Buffer.concat(chunks.map(({ chunk }) => Buffer.from(chunk, 'base64'))).toString();

    it('returns the output again, also after process/closed', async () => {
      await sh('again', 'echo one; exit 4');
      await client.finished('again');
      const answer = await read('again');
      expect(text(answer)).to.equal('one\n');
      expect(answer).to.deep.include({
        nextSeq: 4,
        exited: true,
        exitCode: 4,
        closed: true,
        failure: null,
        sandboxDenied: false,
        droppedBytes: 0,
      });
      expect(await read('again', { afterSeq: 1 })).to.deep.include({ chunks: [], nextSeq: 4, closed: true });
    });

    it('waits for the next output', async () => {
      await start('later', ['cat'], { pipeStdin: true });
      const waiting = read('later', { waitMs: 600_000 });
      await client.request('process/write', {
        processId: 'later',
        chunk: Buffer.from('now').toString('base64'),
      });
      expect(text(await waiting)).to.equal('now');
      const end = read('later', { afterSeq: 1, waitMs: 600_000 });
      await client.request('process/closeStdin', { processId: 'later' });
      expect(await end).to.deep.include({ chunks: [], exited: true });
    });

    it('returns no chunks if no output arrives within waitMs', async () => {
      await start('quiet', ['sleep', '600']);
      expect(await read('quiet', { waitMs: 10 })).to.deep.include({
        chunks: [],
        nextSeq: 1,
        exited: false,
        exitCode: null,
        closed: false,
      });
    });

    it('reports the bytes that are no longer retained', async () => {
      await sh('long', 'head -c 3000000 /dev/zero');
      await client.finished('long');
      const { chunks, droppedBytes } = await read('long');
      const kept = chunks.reduce(
        (sum: number, { chunk }: { chunk: string }) => sum + Buffer.from(chunk, 'base64').length,
        0,
      );
      expect(kept)
        .to.be.at.most(1024 * 1024)
        .and.at.least(900_000);
      expect(kept + droppedBytes).to.equal(3_000_000);
    });

    it('returns at least one chunk, regardless of maxBytes', async () => {
      await sh('chunk', 'echo one; read go; echo two', { pipeStdin: true });
      await client.waitFor('one', ({ method }) => method === 'process/output');
      await client.request('process/write', {
        processId: 'chunk',
        chunk: Buffer.from('go\n').toString('base64'),
      });
      await client.finished('chunk');
      expect(text(await read('chunk', { maxBytes: 0 }))).to.equal('one\n');
    });

    it('refuses an unknown process', async () => {
      expect((await client.ask('process/read', { processId: 'absent' })).error).to.deep.equal({
        code: -32600,
        message: 'unknown process absent',
        data: { kind: 'unknownProcess', processId: 'absent' },
      });
    });
  });

  it('of a flood delays neither answers nor other processes', async () => {
    await start('flood', ['yes']);
    await client.waitFor('output', ({ params }) => params?.processId === 'flood');
    for (let round = 0; round < 20; round += 1) {
      await sh(`small ${round}`, `echo ${round}`);
      expect((await client.finished(`small ${round}`)).stdout.toString()).to.equal(`${round}\n`);
    }
    expect(await client.request('process/terminate', { processId: 'flood' })).to.deep.equal({
      running: true,
    });
    await client.waitFor(
      'the end of the flood',
      ({ method, params }) => method === 'process/closed' && params.processId === 'flood',
    );
  });

  it('of a flood does not delay signals', async () => {
    await start('flood', ['yes']);
    await client.waitFor('output', ({ params }) => params?.processId === 'flood');
    expect(await client.request('process/signal', { processId: 'flood', signal: 'interrupt' })).to.deep.equal(
      {},
    );
    expect((await client.finished('flood')).exited).to.include({ exitCode: 130, reason: 'signaled' });
  });

  it('arrives if it was queued when the server receives SIGTERM', async () => {
    client.server.stdout.pause();
    client.send({
      id: 50,
      method: 'process/start',
      params: {
        processId: 'big',
        argv: ['sh', '-c', 'seq 400000; echo $$ > finishing; mv finishing finished'],
        cwd,
        env: { PATH },
        output: 'headTail',
        maxOutputBytes: 1_048_576,
      },
    });
    await waitForFile(join(cwd, 'finished'));
    // Until the server has reaped it, SIGTERM would end it instead.
    const pid = readFileSync(join(cwd, 'finished'), 'utf8').trim();
    await until(() => !existsSync(`/proc/${pid}`), 'big does not exit');
    client.server.kill('SIGTERM');
    client.server.stdout.resume();
    const { stdout, exited, closed } = await client.finished('big');
    expect(closed.bytes.stdout).to.equal(stdout.length).and.equal(1_048_576);
    expect(exited.exitCode).to.equal(0);
    await client.ended;
  });

  it('of a flood uses bounded memory while the client does not read, and loses no line', async () => {
    const lines = 4_000_000;
    const { rssBytes: before } = await client.request('server/status');
    client.server.stdout.pause();
    client.send({
      id: 50,
      method: 'process/start',
      params: { processId: 'flood', argv: ['seq', String(lines)], cwd, env: { PATH } },
    });
    client.send({
      id: 51,
      method: 'process/start',
      params: { processId: 'quick', argv: ['sh', '-c', ': > finished'], cwd, env: { PATH } },
    });
    await waitForFile(join(cwd, 'finished'));
    const rss = rssOf(client.server.pid as number);
    expect(rss - before).to.be.below(32 * 1024 * 1024);
    client.server.stdout.resume();
    const { stdout } = await client.finished('flood');
    expect(stdout.toString()).to.equal(Array.from({ length: lines }, (_, i) => `${i + 1}\n`).join(''));
  });
});

const rssOf = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;

const waitForFile = (path: string): Promise<void> => until(() => existsSync(path), `${path} does not appear`);

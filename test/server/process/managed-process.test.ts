import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { OUTPUT_HIGH_WATER_BYTES } from '../../../src/server/connection/limits.ts';
import { EXITED_WAIT_MS } from '../../../src/server/process/limits.ts';
import { pinFile } from '../../../src/system/pinned-file.ts';
import { readProc } from '../../../src/system/process-table.ts';
import { until } from '../../support/until.ts';
import { type SlowClient, settle } from '../support/slow-client.ts';
import { fakeProcess } from './support/fake-process.ts';

/** Timers may fire a fraction of a millisecond early. */
const EXITED_AT_LEAST_MS = EXITED_WAIT_MS - 2;
const DRAIN_MS = 40;
const NO_BYTES = { stdout: 0, stderr: 0, pty: 0 };

const of = (client: SlowClient, method: string) =>
  client.messages.filter(message => message.method === method).map(({ params }) => params);

/** Each message as `seq method`, without the part before the slash. */
const order = (client: SlowClient) =>
  client.messages.map(({ method, params }) => `${params.seq} ${method.replace('process/', '')}`);

const exited = (params: object) => ({
  processId: 'p',
  seq: 1,
  exitCode: 0,
  sandboxDenied: false,
  signal: null,
  reason: 'exited',
  ...params,
});

describe('ManagedProcess', () => {
  describe('after its exit', () => {
    it('sends exited and closed immediately if the streams have ended before', async () => {
      const { managed, client, print, endStreams, exit } = fakeProcess();
      await print('x');
      await endStreams();
      const before = [order(client), managed.state];
      exit(3);
      await settle();
      expect([before, managed.state, client.messages]).to.deep.equal([
        [['1 output'], 'running'],
        'closed',
        [
          { method: 'process/output', params: { processId: 'p', seq: 1, stream: 'stdout', chunk: 'eA==' } },
          { method: 'process/exited', params: exited({ seq: 2, exitCode: 3 }) },
          { method: 'process/closed', params: { processId: 'p', seq: 3, bytes: { ...NO_BYTES, stdout: 1 } } },
        ],
      ]);
      await managed.closed;
    });

    it('sends the last output first, and exited when the streams have ended', async () => {
      const { managed, client, stdout, stderr, exit } = fakeProcess();
      exit(0);
      const before = [order(client), managed.state];
      stdout.end('late');
      stderr.end();
      await settle();
      expect([before, order(client), managed.state]).to.deep.equal([
        [[], 'exited'],
        ['1 output', '2 exited', '3 closed'],
        'closed',
      ]);
    });

    it('sends exited after 50 ms if other processes hold the streams', async () => {
      const { managed, client, print, endStreams, exit } = fakeProcess();
      const begin = performance.now();
      exit(0);
      await print('a');
      await until(() => order(client).length > 1, 'exited is not sent');
      const waited = performance.now() - begin;
      await print('b');
      const open = managed.state;
      await endStreams();
      expect([order(client), open, managed.state]).to.deep.equal([
        ['1 output', '2 exited', '3 output', '4 closed'],
        'exited',
        'closed',
      ]);
      expect(waited).to.be.at.least(EXITED_AT_LEAST_MS);
    });

    it('reports the signal that ended it, with the exit code of a shell', async () => {
      const ends: Array<[code: number | null, signal: NodeJS.Signals | null]> = [
        [null, 'SIGKILL'],
        [143, null],
        [null, 'SIG35' as NodeJS.Signals],
      ];
      const reported = [];
      for (const [code, signal] of ends) {
        const { client, endStreams, exit } = fakeProcess();
        exit(code, signal);
        await endStreams();
        reported.push(...of(client, 'process/exited'));
      }
      expect(reported).to.deep.equal([
        exited({ exitCode: 137, signal: 'SIGKILL', reason: 'signaled' }),
        exited({ exitCode: 143 }),
        exited({ exitCode: 163, signal: 'SIG35', reason: 'signaled' }),
      ]);
    });

    it('records the times of its start and its exit', async () => {
      const begin = Date.now();
      const { managed, endStreams, exit } = fakeProcess();
      const running = managed.exit;
      exit(5);
      const ended = managed.exit;
      await endStreams();
      expect([running, managed.exit]).to.deep.equal([
        undefined,
        { exitCode: 5, signal: undefined, atMs: ended?.atMs },
      ]);
      expect([begin, managed.startedAtMs, ended?.atMs ?? 0, Date.now()]).to.satisfy((times: number[]) =>
        times.every((time, at) => at === 0 || time >= (times[at - 1] ?? 0)),
      );
    });

    it('ends its stdin at the close', async () => {
      const { managed, stdin, endStreams, exit } = fakeProcess();
      exit(0);
      await endStreams();
      expect([stdin.writableEnded, await managed.stdin.write(Buffer.from('x'), undefined)]).to.deep.equal([
        true,
        'stdinClosed',
      ]);
    });
  });

  describe('with streams that other processes hold', () => {
    it('cuts the streams after drainMs and names the holders', async () => {
      const directory = realpathSync(mkdtempSync(join(tmpdir(), 'managed-process-test-')));
      const file = join(directory, 'stream');
      const fd = openSync(file, 'w');
      const holder = spawn('cat', { stdio: ['pipe', 'pipe', 'ignore', fd] });
      closeSync(fd);
      // After its answer it has executed cat, so its name is known.
      holder.stdin?.write('x');
      await once(holder.stdout as Readable, 'data');
      const { managed, client, stdout, stderr, print, exit } = fakeProcess({
        drainMs: DRAIN_MS,
        pinStreams: () => [pinFile(file) ?? []].flat(),
      });
      const begin = performance.now();
      exit(0);
      await print('x');
      await managed.closed;
      const lasted = performance.now() - begin;
      holder.kill('SIGKILL');
      await once(holder, 'exit');
      rmSync(directory, { recursive: true });
      const known = process.platform === 'linux' ? [{ pid: holder.pid, name: 'cat' }] : [];
      expect([order(client), of(client, 'process/closed'), managed.ending.keptTerminal]).to.deep.equal([
        ['1 output', '2 exited', '3 closed'],
        [{ processId: 'p', seq: 3, bytes: { ...NO_BYTES, stdout: 1 }, holders: known }],
        undefined,
      ]);
      expect([stdout.destroyed, stderr.destroyed]).to.deep.equal([true, true]);
      expect(lasted).to.be.at.least(DRAIN_MS - 2);
    });

    it('does not cut streams that end in time', async () => {
      const { client, print, endStreams, exit } = fakeProcess({
        drainMs: DRAIN_MS,
      });
      exit(0);
      // All in one turn, before any timer fires.
      void print('x');
      await endStreams();
      await delay(2 * DRAIN_MS);
      expect([order(client), of(client, 'process/closed')[0]?.holders]).to.deep.equal([
        ['1 output', '2 exited', '3 closed'],
        undefined,
      ]);
    });

    it('sends output that was written in time, even if the server was stalled', async () => {
      const directory = mkdtempSync(join(tmpdir(), 'managed-process-test-'));
      const script = 'until [ -e go ]; do sleep 0.01; done; printf late; exec >&-; : >done';
      const job = spawn('sh', ['-c', script], { cwd: directory, stdio: ['ignore', 'pipe', 'ignore'] });
      const { managed, client, stderr, exit } = fakeProcess({ drainMs: DRAIN_MS, realStdout: job.stdout });
      stderr.end();
      exit(0);
      // Stalls this process until all timers are due.
      const all = ': >go; until [ -e done ]; do sleep 0.01; done; sleep 0.2';
      execFileSync('sh', ['-c', all], { cwd: directory });
      await managed.closed;
      rmSync(directory, { recursive: true });
      expect([order(client), of(client, 'process/closed')]).to.deep.equal([
        ['1 output', '2 exited', '3 closed'],
        [{ processId: 'p', seq: 3, bytes: { ...NO_BYTES, stdout: 4 } }],
      ]);
    });

    it('does not count time in which output waits for the client', async () => {
      const { managed, client, print, endStreams, exit } = fakeProcess({ drainMs: DRAIN_MS });
      client.stall();
      client.writer.send(
        Buffer.from(`\r\n\r\n${JSON.stringify({ params: {}, method: ' '.repeat(OUTPUT_HIGH_WATER_BYTES) })}`),
      );
      await print('waits');
      exit(0);
      await delay(5 * DRAIN_MS);
      const stalled = managed.state;
      client.resume();
      await print('goes on');
      await endStreams();
      expect([stalled, managed.state, managed.bytes]).to.deep.equal([
        'exited',
        'closed',
        { ...NO_BYTES, stdout: 12 },
      ]);
      expect(order(client).slice(1)).to.deep.equal(['1 exited', '2 output', '3 output', '4 closed']);
    });

    it('starts the drain again if output had to wait', async () => {
      const { managed, print, exit } = fakeProcess({ drainMs: DRAIN_MS, windowBytes: 1 });
      await print('1');
      const begin = performance.now();
      exit(0);
      await print('2');
      managed.acknowledge(1);
      await managed.closed;
      expect(performance.now() - begin).to.be.at.least(2 * DRAIN_MS - 4);
    });

    it('cuts the streams after the client has caught up', async () => {
      const { managed, client, print, exit } = fakeProcess({ drainMs: DRAIN_MS, windowBytes: 1 });
      await print('1');
      exit(0);
      await print('2');
      await delay(2 * DRAIN_MS);
      const stalled = managed.state;
      managed.acknowledge(1);
      await managed.closed;
      await settle();
      expect([stalled, order(client)]).to.deep.equal([
        'exited',
        ['1 output', '2 exited', '3 output', '4 closed'],
      ]);
    });
  });

  describe('seq', () => {
    it('increases by one with each message, even if output was dropped', async () => {
      const { client, print, endStreams, exit, stderr } = fakeProcess({ headTailBytes: 4 });
      for (const text of ['a', 'b', 'c', 'd', 'e']) await print(text);
      stderr.write('fgh');
      await settle();
      await endStreams();
      exit(0);
      await settle();
      expect([order(client), of(client, 'process/outputDropped')]).to.deep.equal([
        ['1 output', '2 output', '3 outputDropped', '4 output', '5 exited', '6 closed'],
        [{ processId: 'p', seq: 3, bytes: { stdout: 3, stderr: 1, pty: 0 } }],
      ]);
    });

    it('sends the number of bytes of each stream with closed', async () => {
      const { client, print, endStreams, exit, stderr } = fakeProcess({ headTailBytes: 4 });
      await print('abcdef');
      stderr.write('xy');
      await endStreams();
      exit(0);
      await settle();
      const sent = of(client, 'process/output').map(({ stream, chunk }) => [stream, atob(chunk)]);
      expect([sent, of(client, 'process/closed')[0].bytes]).to.deep.equal([
        [
          ['stdout', 'ab'],
          ['stderr', 'xy'],
        ],
        { stdout: 2, stderr: 2, pty: 0 },
      ]);
    });

    it('begins at 1', async () => {
      const { managed, print } = fakeProcess();
      const seen = [managed.journal.nextSeq];
      await print('x');
      seen.push(managed.journal.nextSeq);
      expect(seen).to.deep.equal([1, 2]);
    });
  });

  describe('terminate', () => {
    it('sends SIGTERM, returns true if it was running, and sets the reason', async () => {
      const { managed, client, signals, exit, endStreams } = fakeProcess();
      const answers = [managed.terminate(), managed.terminate()];
      const sent = [...signals];
      exit(null, 'SIGTERM');
      answers.push(managed.terminate());
      await endStreams();
      await managed.terminated();
      expect([answers, sent, of(client, 'process/exited')]).to.deep.equal([
        [true, true, false],
        ['SIGTERM', 'SIGCONT'],
        [exited({ exitCode: 143, signal: 'SIGTERM', reason: 'terminated' })],
      ]);
    });

    it('sends SIGKILL after the grace', async () => {
      const { managed, signals, exit, endStreams } = fakeProcess({ killGraceMs: 0 });
      managed.terminate();
      await managed.terminated();
      exit(null, 'SIGKILL');
      await endStreams();
      expect(signals).to.deep.equal(['SIGTERM', 'SIGCONT', 'SIGKILL']);
    });

    it('shortens a grace that has begun, but does not extend it', async () => {
      const { managed, signals, exit, endStreams } = fakeProcess();
      managed.terminate();
      managed.terminate(0);
      managed.terminate(1000);
      await managed.terminated();
      const sent = signals.at(-1);
      exit(null, 'SIGKILL');
      await endStreams();
      expect(sent).to.equal('SIGKILL');
    });

    it('does not change the reason of an earlier exit', async () => {
      const { managed, client, exit, endStreams } = fakeProcess();
      exit(0);
      managed.terminate();
      await endStreams();
      expect(of(client, 'process/exited')).to.deep.equal([exited({})]);
    });

    it('reports the exit code of a program that handles SIGTERM', async () => {
      const { managed, client, exit, endStreams } = fakeProcess();
      managed.terminate();
      exit(7);
      await endStreams();
      expect(of(client, 'process/exited')).to.deep.equal([exited({ exitCode: 7, reason: 'terminated' })]);
    });
  });

  describe('with a timeout', () => {
    it('stops the process, with the reason timeout', async () => {
      const { managed, client, signals, exit, endStreams } = fakeProcess({ timeoutMs: 20 });
      await until(() => signals.includes('SIGTERM'), 'SIGTERM was not sent');
      managed.terminate();
      exit(null, 'SIGTERM');
      await endStreams();
      expect(of(client, 'process/exited')).to.deep.equal([
        exited({ exitCode: 143, signal: 'SIGTERM', reason: 'timeout' }),
      ]);
    });

    it('does not stop a process that exited in time, even if the server was stalled', async function () {
      if (process.platform !== 'linux') this.skip();
      const job = spawn('true');
      const { client, signals, exit, endStreams } = fakeProcess({ timeoutMs: 20 });
      const ended = once(job, 'exit').then(([code, signal]) => exit(code, signal));
      // Stalls this process until all timers are due.
      while (readProc().get(job.pid as number)?.state !== 'Z') execFileSync('sleep', ['0.01']);
      execFileSync('sleep', ['0.1']);
      await ended;
      await endStreams();
      expect([signals, of(client, 'process/exited')]).to.deep.equal([[], [exited({})]]);
    });

    it('does not stop a process that has exited, even if its streams are held', async () => {
      const { signals, exit, endStreams } = fakeProcess({ timeoutMs: 20 });
      exit(0);
      await delay(60);
      await endStreams();
      expect(signals).to.deep.equal([]);
    });
  });

  it('calls listeners of the next change once: output, exit or close', async () => {
    const { managed, print, exit, endStreams } = fakeProcess();
    const changes: string[] = [];
    managed.journal.onNextChange(() => changes.push('output'));
    const forget = managed.journal.onNextChange(() => changes.push('forgotten'));
    const waiting = [managed.journal.listenerCount];
    forget();
    waiting.push(managed.journal.listenerCount);
    await print('x');
    await print('y');
    waiting.push(managed.journal.listenerCount);
    // A listener that is added by a listener waits for the next change.
    managed.journal.onNextChange(() => {
      changes.push('exit');
      managed.journal.onNextChange(() => changes.push('close'));
    });
    exit(0);
    await endStreams();
    expect([waiting, changes]).to.deep.equal([
      [2, 1, 0],
      ['output', 'exit', 'close'],
    ]);
  });

  it('retains the latest output up to its limit', async () => {
    const { managed, print } = fakeProcess({ retainedBytes: 2 });
    for (const text of ['a', 'b', 'c']) await print(text);
    const { chunks, droppedBytes } = managed.journal.read(0, 1000);
    expect([
      chunks.map(({ seq, bytes }) => [seq, String(bytes)]),
      droppedBytes,
      managed.journal.retainedBytes,
    ]).to.deep.equal([
      [
        [2, 'b'],
        [3, 'c'],
      ],
      1,
      258,
    ]);
  });

  it('writes to stdin until it is closed', async () => {
    const { managed, stdin } = fakeProcess();
    const statuses = [
      await managed.stdin.write(Buffer.from('a'), '1'),
      await managed.stdin.write(Buffer.from('a'), '1'),
    ];
    managed.stdin.end();
    statuses.push(await managed.stdin.write(Buffer.from('b'), '2'));
    expect([statuses, String(await stdin.toArray())]).to.deep.equal([
      ['accepted', 'accepted', 'stdinClosed'],
      'a',
    ]);
  });

  it('closes the streams when it is abandoned', async () => {
    const { managed, stdin, stdout, stderr, exit } = fakeProcess({ drainMs: DRAIN_MS });
    exit(0);
    managed.ending.abandon();
    managed.ending.abandon();
    await managed.closed;
    expect([stdin, stdout, stderr].map(({ destroyed }) => destroyed)).to.deep.equal([true, true, true]);
  });
});

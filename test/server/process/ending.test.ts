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
import { until } from '../../support/until.ts';
import { settle } from '../support/slow-client.ts';
import { fakeProcess } from './support/fake-process.ts';
import { exited, NO_BYTES, order, paramsOf } from './support/messages.ts';

/** Timers may fire a fraction of a millisecond early. */
const EXITED_AT_LEAST_MS = EXITED_WAIT_MS - 2;
const DRAIN_MS = 40;

describe('Ending', () => {
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
        reported.push(...paramsOf(client, 'process/exited'));
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
      await settle();
      const lasted = performance.now() - begin;
      holder.kill('SIGKILL');
      await once(holder, 'exit');
      rmSync(directory, { recursive: true });
      const known = process.platform === 'linux' ? [{ pid: holder.pid, name: 'cat' }] : [];
      expect([order(client), paramsOf(client, 'process/closed'), managed.ending.keptTerminal]).to.deep.equal([
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
      expect([order(client), paramsOf(client, 'process/closed')[0]?.holders]).to.deep.equal([
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
      await settle();
      rmSync(directory, { recursive: true });
      expect([order(client), paramsOf(client, 'process/closed')]).to.deep.equal([
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

  it('closes the streams when it is abandoned', async () => {
    const { managed, stdin, stdout, stderr, exit } = fakeProcess({ drainMs: DRAIN_MS });
    exit(0);
    managed.ending.abandon();
    managed.ending.abandon();
    await managed.closed;
    expect([stdin, stdout, stderr].map(({ destroyed }) => destroyed)).to.deep.equal([true, true, true]);
  });
});

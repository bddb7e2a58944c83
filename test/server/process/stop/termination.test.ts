import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { readProc } from '../../../../src/system/process-table.ts';
import { until } from '../../../support/until.ts';
import { fakeProcess } from '../support/fake-process.ts';
import { exited, paramsOf } from '../support/messages.ts';

describe('Termination', () => {
  describe('terminate', () => {
    it('sends SIGTERM, returns true if it was running, and sets the reason', async () => {
      const { managed, client, signals, exit, endStreams } = fakeProcess();
      const answers = [managed.terminate(), managed.terminate()];
      const sent = [...signals];
      exit(null, 'SIGTERM');
      answers.push(managed.terminate());
      await endStreams();
      await managed.terminated();
      expect([answers, sent, paramsOf(client, 'process/exited')]).to.deep.equal([
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
      expect(paramsOf(client, 'process/exited')).to.deep.equal([exited({})]);
    });

    it('reports the exit code of a program that handles SIGTERM', async () => {
      const { managed, client, exit, endStreams } = fakeProcess();
      managed.terminate();
      exit(7);
      await endStreams();
      expect(paramsOf(client, 'process/exited')).to.deep.equal([
        exited({ exitCode: 7, reason: 'terminated' }),
      ]);
    });
  });

  describe('with a timeout', () => {
    it('stops the process, with the reason timeout', async () => {
      const { managed, client, signals, exit, endStreams } = fakeProcess({ timeoutMs: 20 });
      await until(() => signals.includes('SIGTERM'), 'SIGTERM was not sent');
      managed.terminate();
      exit(null, 'SIGTERM');
      await endStreams();
      expect(paramsOf(client, 'process/exited')).to.deep.equal([
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
      expect([signals, paramsOf(client, 'process/exited')]).to.deep.equal([[], [exited({})]]);
    });

    it('does not stop a process that has exited, even if its streams are held', async () => {
      const { signals, exit, endStreams } = fakeProcess({ timeoutMs: 20 });
      exit(0);
      await delay(60);
      await endStreams();
      expect(signals).to.deep.equal([]);
    });
  });
});

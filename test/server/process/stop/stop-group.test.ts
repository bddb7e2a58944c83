import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import type { ChildGroup } from '../../../../src/server/process/stop/child-group.ts';
import { hangUp, stopGroup } from '../../../../src/server/process/stop/stop-group.ts';
import { until } from '../../../support/until.ts';
import { groupOf } from '../support/group-of.ts';

/** Longer than any of these tests takes. */
const LONG_MS = 30_000;

describe('stopGroup', () => {
  describe('with real groups', () => {
    const started: ChildGroup[] = [];

    before(function () {
      if (process.platform === 'win32') this.skip();
    });

    afterEach(() => {
      for (const group of started.splice(0)) group.signal('SIGKILL');
    });

    /** The leader of a group that runs a script, after its first output. */
    const start = async (script: string) => {
      const child = spawn('sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
      const group = groupOf(child);
      started.push(group);
      await once(child.stdout, 'data');
      return { child, group };
    };

    const end = async (child: ChildProcess) =>
      child.exitCode ?? child.signalCode ?? (await once(child, 'exit')).find(part => part !== null);

    it('ends a group by SIGTERM and waits until it is gone', async () => {
      const { child, group } = await start('echo ready; exec sleep 600');
      await stopGroup(group, LONG_MS);
      expect(group.isAlive).to.equal(false);
      expect(await end(child)).to.equal('SIGTERM');
    });

    it('lets a process handle SIGTERM', async () => {
      const { child, group } = await start('trap "exit 7" TERM; echo ready; while :; do sleep 0.01; done');
      await stopGroup(group, LONG_MS);
      expect(await end(child)).to.equal(7);
    });

    it('sends SIGKILL after the grace', async () => {
      const { child, group } = await start('trap "" TERM; echo ready; exec sleep 600');
      const begin = performance.now();
      await stopGroup(group, 100);
      expect(performance.now() - begin).to.be.at.least(100);
      expect(await end(child)).to.equal('SIGKILL');
    });

    it('waits for the descendants of the leader and ends them, too', async () => {
      const { child, group } = await start('(trap "" TERM; echo ready; exec sleep 600) & wait');
      await stopGroup(group, 100);
      expect(await end(child)).to.equal('SIGTERM');
      await until(() => !group.isAlive, 'the group is still there');
    });

    it('ends a group whose leader has exited', async () => {
      const { child, group } = await start('sleep 600 & echo ready');
      await end(child);
      expect(group.isAlive).to.equal(true);
      await stopGroup(group, LONG_MS);
      expect(group.isAlive).to.equal(false);
    });

    it('ends a stopped process by SIGTERM', async () => {
      const { child, group } = await start('echo ready; exec sleep 600');
      group.signal('SIGSTOP');
      await stopGroup(group, LONG_MS);
      expect(await end(child)).to.equal('SIGTERM');
    });

    it('does nothing if the group is gone', async () => {
      const { child, group } = await start('echo ready');
      await end(child);
      await until(() => !group.isAlive, 'the group is still there');
      await stopGroup(group, LONG_MS);
    });
  });

  describe('with a simulated group', () => {
    /** A group that is gone after the given number of polls, and the signals that it received. */
    const lasting = (polls: number) => {
      const sent: NodeJS.Signals[] = [];
      let left = polls;
      const group = {
        signal: (...signals: NodeJS.Signals[]) => void sent.push(...signals),
        hasEnded: async () => {
          left -= 1;
          return left < 0;
        },
      };
      return { group, sent };
    };

    it('sends SIGTERM and SIGCONT, and nothing more to a group that ends', async () => {
      const { group, sent } = lasting(2);
      await stopGroup(group, LONG_MS);
      expect(sent).to.deep.equal(['SIGTERM', 'SIGCONT']);
    });

    it('sends SIGKILL to a group that stays, and returns', async () => {
      const { group, sent } = lasting(Number.POSITIVE_INFINITY);
      await stopGroup(group, 0);
      expect(sent).to.deep.equal(['SIGTERM', 'SIGCONT', 'SIGKILL']);
    });

    it('sends only SIGHUP to a terminal whose processes end', async () => {
      const { group, sent } = lasting(2);
      await hangUp(group, LONG_MS);
      expect(sent).to.deep.equal(['SIGHUP', 'SIGCONT']);
    });

    it('sends SIGHUP, SIGTERM and SIGKILL to a terminal whose processes stay', async () => {
      const { group, sent } = lasting(Number.POSITIVE_INFINITY);
      await hangUp(group, 0);
      expect(sent).to.deep.equal(['SIGHUP', 'SIGCONT', 'SIGTERM', 'SIGCONT', 'SIGKILL']);
    });
  });
});

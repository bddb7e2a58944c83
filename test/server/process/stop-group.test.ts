import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { type ProcessGroups, posixGroups } from '../../../src/server/platform/process-groups.ts';
import { stopGroup } from '../../../src/server/process/stop-group.ts';

/** Longer than any of these tests may take. */
const LONG_MS = 30_000;

describe('stopGroup', () => {
  describe('with real groups', () => {
    const groups = posixGroups();
    const leaders: number[] = [];

    before(function () {
      if (process.platform === 'win32') this.skip();
    });

    afterEach(() => {
      for (const leader of leaders.splice(0)) groups.signal(leader, 'SIGKILL');
    });

    /** The leader of a group that runs a script, once it has said something. */
    const group = async (script: string) => {
      const child = spawn('sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
      leaders.push(child.pid as number);
      await once(child.stdout, 'data');
      return child as ChildProcess & { pid: number; stdout: Readable };
    };

    const end = async (child: ChildProcess) =>
      child.exitCode ?? child.signalCode ?? (await once(child, 'exit')).find(part => part !== null);

    it('ends an obedient one by SIGTERM, and waits until it is gone', async () => {
      const child = await group('echo ready; exec sleep 600');
      await stopGroup(groups, child.pid, LONG_MS);
      expect(groups.isAlive(child.pid)).to.equal(false);
      expect(await end(child)).to.equal('SIGTERM');
    });

    it('lets a process end in its own way', async () => {
      const child = await group('trap "exit 7" TERM; echo ready; while :; do sleep 0.01; done');
      await stopGroup(groups, child.pid, LONG_MS);
      expect(await end(child)).to.equal(7);
    });

    it('ends a stubborn one by SIGKILL when its time is over', async () => {
      const child = await group('trap "" TERM; echo ready; exec sleep 600');
      const begin = Date.now();
      await stopGroup(groups, child.pid, 100);
      expect(Date.now() - begin).to.be.at.least(100);
      expect(await end(child)).to.equal('SIGKILL');
    });

    it('waits for what the leader has started, and ends it too', async () => {
      const child = await group('(trap "" TERM; echo ready; exec sleep 600) & wait');
      await stopGroup(groups, child.pid, 100);
      expect(await end(child)).to.equal('SIGTERM');
      await until('the group is gone', () => !groups.isAlive(child.pid));
    });

    it('ends what a leader that has ended has left behind', async () => {
      const child = await group('sleep 600 & echo ready');
      await end(child);
      expect(groups.isAlive(child.pid)).to.equal(true);
      await stopGroup(groups, child.pid, LONG_MS);
      expect(groups.isAlive(child.pid)).to.equal(false);
    });

    it('ends a stopped process by SIGTERM: it needs no SIGKILL', async () => {
      const child = await group('echo ready; exec sleep 600');
      groups.signal(child.pid, 'SIGSTOP');
      await stopGroup(groups, child.pid, LONG_MS);
      expect(await end(child)).to.equal('SIGTERM');
    });

    it('has nothing to do where the group is gone', async () => {
      const child = await group('echo ready');
      await end(child);
      await until('the group is gone', () => !groups.isAlive(child.pid));
      await stopGroup(groups, child.pid, LONG_MS);
    });
  });

  describe('with groups that do as told', () => {
    /** A group that is gone after the given number of looks, and what it was sent. */
    const lasting = (looks: number) => {
      const sent: Array<[leader: number, signal: NodeJS.Signals]> = [];
      let left = looks;
      const groups: ProcessGroups = {
        detached: true,
        signal: (leader, signal) => void sent.push([leader, signal]),
        isAlive: () => {
          left -= 1;
          return left >= 0;
        },
      };
      return { groups, sent };
    };

    it('sends SIGTERM and lets the group run, and nothing more to one that goes', async () => {
      const { groups, sent } = lasting(2);
      await stopGroup(groups, 42, LONG_MS);
      expect(sent).to.deep.equal([
        [42, 'SIGTERM'],
        [42, 'SIGCONT'],
      ]);
    });

    it('sends SIGKILL to one that stays, and does not wait any longer', async () => {
      const { groups, sent } = lasting(Number.POSITIVE_INFINITY);
      await stopGroup(groups, 42, 0);
      expect(sent).to.deep.equal([
        [42, 'SIGTERM'],
        [42, 'SIGCONT'],
        [42, 'SIGKILL'],
      ]);
    });
  });
});

const until = async (what: string, holds: () => boolean) => {
  for (const deadline = Date.now() + 10_000; !holds(); await delay(5)) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
  }
};

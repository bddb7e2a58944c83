import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import { posixGroups, processGroups, windowsGroups } from '../../src/system/process-groups.ts';
import { until } from '../support/until.ts';

type Kill = typeof process.kill;

const failing = (code: string): Kill => {
  throw Object.assign(new Error(`kill ${code}`), { code });
};

/** A `kill` that succeeds, and what it was called with. */
const recorder = () => {
  const calls: Array<[pid: number, signal: string | number | undefined]> = [];
  const kill: Kill = (pid, signal) => {
    calls.push([pid, signal]);
    return true;
  };
  return { calls, kill };
};

describe('processGroups', () => {
  it('has children lead a group wherever there are groups', () => {
    const platforms = ['linux', 'darwin', 'freebsd', 'win32'] as const;
    expect(platforms.map(platform => processGroups(platform).detached)).to.deep.equal([
      true,
      true,
      true,
      false,
    ]);
  });
});

describe('posixGroups', () => {
  it('reaches the whole group by its negative pid', () => {
    const { calls, kill } = recorder();
    const groups = posixGroups(kill);
    groups.signal(42, 'SIGTERM');
    expect(groups.isAlive(42)).to.equal(true);
    expect(calls).to.deep.equal([
      [-42, 'SIGTERM'],
      [-42, 0],
    ]);
  });

  // macOS answers EPERM for a group of zombies.
  for (const code of ['ESRCH', 'EPERM']) {
    it(`takes ${code} for a group of which nothing is left`, () => {
      const groups = posixGroups(() => failing(code) as never);
      expect(() => groups.signal(42, 'SIGTERM')).not.to.throw();
      expect(groups.isAlive(42)).to.equal(false);
    });
  }

  it('finds a process of that pid, of any user', () => {
    const { calls, kill } = recorder();
    expect(posixGroups(kill).hasLeader(42)).to.equal(true);
    expect(calls).to.deep.equal([[42, 0]]);
    expect(posixGroups(() => failing('EPERM') as never).hasLeader(42)).to.equal(true);
    expect(posixGroups(() => failing('ESRCH') as never).hasLeader(42)).to.equal(false);
  });

  it('hides no other error', () => {
    const groups = posixGroups(() => failing('EINVAL') as never);
    expect(() => groups.signal(42, 'SIGTERM')).to.throw('kill EINVAL');
    expect(groups.isAlive(42)).to.equal(true);
  });

  describe('with a real group', () => {
    before(function () {
      if (process.platform === 'win32') this.skip();
    });

    it('lives as long as any of its processes, and one signal ends them all', async () => {
      const groups = posixGroups();
      const leader = spawn('sh', ['-c', 'sleep 600 & echo $!'], { detached: true });
      const group = leader.pid as number;
      const follower = Number(String((await once(leader.stdout, 'data'))[0]));
      await once(leader, 'exit');
      expect([groups.isAlive(group), groups.hasLeader(group)]).to.deep.equal([true, false]);
      groups.signal(group, 'SIGKILL');
      await until(() => !groups.isAlive(group), 'the group is still there');
      expect(() => process.kill(follower, 0)).to.throw('ESRCH');
      groups.signal(group, 'SIGKILL');
    });
  });
});

describe('windowsGroups', () => {
  /** Groups whose programs aren't run, and what would be. */
  const recorded = (kill?: Kill) => {
    const runs: string[][] = [];
    return { runs, groups: windowsGroups((program, args) => runs.push([program, ...args]), kill) };
  };

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    it(`ends the whole tree on ${signal}`, () => {
      const { runs, groups } = recorded();
      groups.signal(42, signal);
      expect(runs).to.deep.equal([['taskkill', '/PID', '42', '/T', '/F']]);
    });
  }

  it('ignores signals that cannot be delivered', () => {
    const { runs, groups } = recorded();
    for (const signal of ['SIGINT', 'SIGHUP', 'SIGCONT', 'SIGUSR1'] as const) groups.signal(42, signal);
    expect(runs).to.deep.equal([]);
  });

  it('asks for the process itself whether it is alive', () => {
    const { calls, kill } = recorder();
    expect(recorded(kill).groups.isAlive(42)).to.equal(true);
    expect(calls).to.deep.equal([[42, 0]]);
    expect(recorded(() => failing('ESRCH') as never).groups.isAlive(42)).to.equal(false);
    expect(recorded(kill).groups.hasLeader(42)).to.equal(true);
  });
});

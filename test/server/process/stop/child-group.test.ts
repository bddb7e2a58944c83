import { expect } from 'chai';
import type { Child } from '../../../../src/server/process/child.ts';
import { ChildGroup } from '../../../../src/server/process/stop/child-group.ts';
import type { ProcessGroups } from '../../../../src/system/process-groups.ts';

describe('ChildGroup', () => {
  /** A simulated group, and the calls that it received. */
  const group = (sandboxed: boolean) => {
    const calls: string[] = [];
    const left = { members: true, leader: false };
    const groups: ProcessGroups = {
      detached: true,
      signal: (leader, signal) => void calls.push(`${signal} ${leader}`),
      isAlive: leader => {
        calls.push(`members of ${leader}?`);
        return left.members;
      },
      hasLeader: leader => {
        calls.push(`process ${leader}?`);
        return left.leader;
      },
    };
    let exit = () => {};
    const child: Pick<Child, 'pid' | 'sandboxed' | 'onExit'> = {
      pid: 10,
      sandboxed: sandboxed ? ({} as NonNullable<Child['sandboxed']>) : undefined,
      onExit: listener => {
        exit = () => listener(0, null);
      },
    };
    return { group: new ChildGroup(child, groups), calls, left, exit: () => exit() };
  };

  for (const sandboxed of [false, true]) {
    it(`is alive while its leader runs, without a system call${sandboxed ? ', in a sandbox' : ''}`, () => {
      const { group: led, calls } = group(sandboxed);
      expect(led.isAlive).to.equal(true);
      led.signal('SIGINT');
      expect(calls).to.deep.equal(['SIGINT 10']);
    });
  }

  it('is alive as long as it has members', () => {
    const { group: led, calls, left, exit } = group(false);
    exit();
    expect(led.isAlive).to.equal(true);
    led.signal('SIGTERM');
    left.members = false;
    expect(led.isAlive).to.equal(false);
    const checks = ['members of 10?', 'process 10?'];
    expect(calls).to.deep.equal([...checks, ...checks, 'SIGTERM 10', 'members of 10?']);
  });

  it('is gone when another process has its number', () => {
    const { group: led, calls, left, exit } = group(false);
    exit();
    left.leader = true;
    led.signal('SIGKILL');
    expect([led.isAlive, calls]).to.deep.equal([false, ['members of 10?', 'process 10?']]);
  });

  it('stays gone when another group gets its number', () => {
    const { group: led, calls, left, exit } = group(false);
    exit();
    left.members = false;
    const before = led.isAlive;
    left.members = true;
    led.signal('SIGKILL');
    expect([before, led.isAlive, calls]).to.deep.equal([false, false, ['members of 10?']]);
  });

  it('is gone with its leader in a sandbox', () => {
    const { group: led, calls, exit } = group(true);
    exit();
    led.signal('SIGKILL');
    expect([led.isAlive, calls]).to.deep.equal([false, []]);
  });
});

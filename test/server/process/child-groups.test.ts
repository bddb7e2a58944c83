import { expect } from 'chai';
import type { ProcessGroups } from '../../../src/server/platform/process-groups.ts';
import type { Child } from '../../../src/server/process/child.ts';
import { groupsOf } from '../../../src/server/process/child-groups.ts';

describe('groupsOf', () => {
  /** A child of the pid 10 as far as its groups ask for it, and what they look at. */
  const child = (confined: boolean) => {
    const looked: number[] = [];
    const groups: ProcessGroups = {
      detached: true,
      signal: () => {},
      isAlive: leader => {
        looked.push(leader);
        return true;
      },
    };
    let exit = () => {};
    const exits = { pid: 10, confined: confined ? {} : undefined, onExit: (end: () => void) => (exit = end) };
    return { groups: groupsOf(exits as unknown as Child, groups), looked, exit: () => exit() };
  };

  for (const confined of [false, true]) {
    it(`doesn't look whether a group is there that its leader is in${confined ? ', in a sandbox neither' : ''}`, () => {
      const { groups, looked } = child(confined);
      expect(groups.isAlive(10)).to.equal(true);
      expect(looked).to.deep.equal([]);
    });
  }

  it('looks for what a process has left', () => {
    const { groups, looked, exit } = child(false);
    exit();
    expect(groups.isAlive(10)).to.equal(true);
    expect(looked).to.deep.equal([10]);
  });

  it('looks for another group', () => {
    const { groups, looked } = child(false);
    expect(groups.isAlive(11)).to.equal(true);
    expect(looked).to.deep.equal([11]);
  });

  it('takes what a sandbox has left for gone', () => {
    const { groups, looked, exit } = child(true);
    exit();
    expect(groups.isAlive(10)).to.equal(false);
    expect(looked).to.deep.equal([]);
  });
});

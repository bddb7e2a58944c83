import { expect } from 'chai';
import { MemoryBudget } from '../../../../src/server/memory/memory-budget.ts';
import { PendingOutput } from '../../../../src/server/process/output/pending-output.ts';

describe('PendingOutput', () => {
  it('stops the reading of all when it is full, until half was sent', () => {
    const pending = new PendingOutput(new MemoryBudget(1200).share('pending'));
    const told: string[] = [];
    const reading = (name: string) => ({
      pauseReading: () => told.push(`${name} paused`),
      resumeReading: () => told.push(`${name} resumed`),
    });
    const [one, gone] = [reading('one'), reading('gone')];
    pending.join(one);
    pending.join(gone);
    pending.leave(gone);
    pending.take(60);
    pending.take(40);
    expect([told, pending.full]).to.deep.equal([[], false]);
    pending.take(20);
    expect([told, pending.full]).to.deep.equal([['one paused'], true]);
    pending.release(59);
    expect(told).to.deep.equal(['one paused']);
    pending.release(1);
    expect([told, pending.full]).to.deep.equal([['one paused', 'one resumed'], false]);
  });
});

import { expect } from 'chai';
import { MemoryBudget } from '../../../../src/server/memory/memory-budget.ts';
import { PendingOutput } from '../../../../src/server/process/output/pending-output.ts';

describe('PendingOutput', () => {
  it('pauses all readers when it is full, until half was sent', () => {
    const pending = new PendingOutput(new MemoryBudget(1200).share('pending'));
    const events: string[] = [];
    const reading = (name: string) => ({
      pauseReading: () => events.push(`${name} paused`),
      resumeReading: () => events.push(`${name} resumed`),
    });
    const [one, other] = [reading('one'), reading('other')];
    pending.join(one);
    pending.join(other);
    pending.leave(other);
    pending.take(60);
    pending.take(40);
    expect([events, pending.full]).to.deep.equal([[], false]);
    pending.take(20);
    expect([events, pending.full]).to.deep.equal([['one paused'], true]);
    pending.release(59);
    expect(events).to.deep.equal(['one paused']);
    pending.release(1);
    expect([events, pending.full]).to.deep.equal([['one paused', 'one resumed'], false]);
  });
});

import { expect } from 'chai';
import { MemoryBudget } from '../../../src/server/memory/memory-budget.ts';

describe('MemoryBudget', () => {
  it('counts the memory of all shares', () => {
    const budget = new MemoryBudget(1200);
    budget.share('stdin').take(100);
    budget.share('answers').take(50);
    budget.share('stdin').release(30);
    expect([budget.use, budget.share('stdin').usedBytes]).to.deep.equal([
      { usedBytes: 120, limitBytes: 1200 },
      70,
    ]);
  });

  it('limits each share, and all of them together', () => {
    const budget = new MemoryBudget(1200);
    const [stdin, frames, uploads, parts] = (['stdin', 'frames', 'uploads', 'parts'] as const).map(name =>
      budget.share(name),
    );
    expect(stdin?.maxBytes).to.equal(400);
    const taken = [stdin, frames, uploads].map(share => [share?.tryTake(401), share?.tryTake(400)]);
    expect([taken, parts?.tryTake(1)]).to.deep.equal([Array(3).fill([false, true]), false]);
  });

  it('grants one item of any size to an empty share', () => {
    const stdin = new MemoryBudget(1200).share('stdin');
    expect([stdin.tryTakeOrAlone(5000), stdin.tryTakeOrAlone(1)]).to.deep.equal([true, false]);
    stdin.release(5000);
    expect(stdin.tryTakeOrAlone(1)).to.equal(true);
  });

  it('makes caches free the missing bytes', () => {
    const budget = new MemoryBudget(1200);
    const [retained, stdin, uploads, frames] = (['retained', 'stdin', 'uploads', 'frames'] as const).map(
      name => budget.share(name),
    );
    retained?.take(200);
    stdin?.take(400);
    uploads?.take(400);
    const asked: number[] = [];
    budget.onShort(bytes => {
      asked.push(bytes);
      retained?.release(bytes);
    });
    expect([frames?.tryTake(300), asked, retained?.usedBytes]).to.deep.equal([true, [100], 100]);
  });

  it('notifies listeners of a release, and collects garbage before it exceeds the budget', () => {
    const told: string[] = [];
    const budget = new MemoryBudget(1200, {
      released: (bytes, left) => told.push(`released ${bytes} of ${left}`),
      makeRoom: left => told.push(`left ${left}`),
    });
    budget.onReleased(() => told.push('woken'));
    const stdin = budget.share('stdin');
    stdin.tryTake(300);
    stdin.release(200);
    budget.discarded(7);
    expect(told).to.deep.equal(['left 900', 'released 200 of 1100', 'woken', 'released 7 of 1100']);
  });
});

import { expect } from 'chai';
import { MemoryBudget } from '../../../src/server/memory/memory-budget.ts';
import { type Grow, PartialAnswers } from '../../../src/server/memory/partial-answers.ts';

/** An answer that grows as a test says, and ends. */
const growing = (parts: PartialAnswers) => {
  let end: () => void = () => {};
  let grow: Grow = () => Promise.resolve();
  const made = parts.making(async more => {
    grow = more;
    await new Promise<void>(resolve => {
      end = resolve;
    });
  });
  return { made, grow: (bytes: number) => grow(bytes), end: () => end() };
};

const isSettled = async (promise: Promise<unknown>): Promise<boolean> => {
  let settled = false;
  void promise.then(() => {
    settled = true;
  });
  await new Promise(resolve => setImmediate(resolve));
  return settled;
};

describe('PartialAnswers', () => {
  const share = () => new MemoryBudget(600).share('parts');

  it('makes an answer wait for memory until another one is complete', async () => {
    const memory = share();
    const parts = new PartialAnswers(memory);
    const [first, second] = [growing(parts), growing(parts)];
    await first.grow(60);
    await second.grow(40);
    const waiting = second.grow(10);
    expect(await isSettled(waiting)).to.equal(false);
    first.end();
    await Promise.all([first.made, waiting]);
    expect(memory.usedBytes).to.equal(50);
    second.end();
    await second.made;
    expect(memory.usedBytes).to.equal(0);
  });

  it('never makes the oldest answer wait, so that every answer completes', async () => {
    const parts = new PartialAnswers(share());
    const [first, second] = [growing(parts), growing(parts)];
    await first.grow(50);
    await second.grow(50);
    const waiting = second.grow(50);
    await first.grow(50);
    first.end();
    await first.made;
    await waiting;
  });

  it('takes back memory that an answer no longer needs', async () => {
    const memory = share();
    const parts = new PartialAnswers(memory);
    const [first, second] = [growing(parts), growing(parts)];
    await first.grow(90);
    const waiting = second.grow(50);
    expect(await isSettled(waiting)).to.equal(false);
    await first.grow(-80);
    await waiting;
    expect(memory.usedBytes).to.equal(60);
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { Fifo } from '../../src/system/fifo.ts';

/** All that can be seen of a queue. */
const view = <Item>(queue: Fifo<Item>) => ({
  length: queue.length,
  first: queue.first,
  last: queue.last,
  items: [...queue],
});

const viewOf = <Item>(items: readonly Item[]) => ({
  length: items.length,
  first: items[0],
  last: items.at(-1),
  items: [...items],
});

const filled = <Item>(...items: readonly Item[]): Fifo<Item> => {
  const queue = new Fifo<Item>();
  for (const item of items) queue.push(item);
  return queue;
};

describe('Fifo', () => {
  it('gives what was pushed, in order, and then nothing', () => {
    const queue = filled('a', 'b', 'c');
    expect([queue.take(), queue.take(), queue.take(), queue.take()]).to.deep.equal([
      'a',
      'b',
      'c',
      undefined,
    ]);
    expect(view(queue)).to.deep.equal(viewOf([]));
  });

  it('can be filled again when it was emptied', () => {
    const queue = filled('a');
    queue.take();
    queue.push('b');
    expect(view(queue)).to.deep.equal(viewOf(['b']));
  });

  it('replaces the first and the last', () => {
    const queue = filled('a', 'b', 'c', 'd');
    queue.take();
    queue.replaceFirst('B');
    queue.replaceLast('D');
    expect(view(queue)).to.deep.equal(viewOf(['B', 'c', 'D']));
  });

  it('replaces the only one from both sides', () => {
    const queue = filled('a');
    queue.replaceFirst('b');
    expect(view(queue)).to.deep.equal(viewOf(['b']));
    queue.replaceLast('c');
    expect(view(queue)).to.deep.equal(viewOf(['c']));
  });

  it('replaces nothing where nothing is, be it never filled or emptied', () => {
    for (const queue of [new Fifo<string>(), filled('a')]) {
      queue.take();
      queue.replaceFirst('x');
      queue.replaceLast('y');
      expect(view(queue)).to.deep.equal(viewOf([]));
    }
  });

  it('counts an item that is undefined', () => {
    const queue = filled<undefined | string>(undefined, 'a');
    expect([queue.take(), queue.length, queue.take(), queue.length]).to.deep.equal([undefined, 1, 'a', 0]);
  });

  it('does what an array does, whatever is done to it', () => {
    const operation = fc.oneof(
      { weight: 4, arbitrary: fc.record({ name: fc.constant('push' as const), item: fc.nat() }) },
      { weight: 3, arbitrary: fc.record({ name: fc.constant('take' as const) }) },
      fc.record({ name: fc.constantFrom('replaceFirst' as const, 'replaceLast' as const), item: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), operations => {
        const queue = new Fifo<number>();
        const array: number[] = [];
        for (const step of operations) {
          if (step.name === 'take') {
            expect(queue.take()).to.equal(array.shift());
          } else {
            queue[step.name](step.item);
            if (step.name === 'push') array.push(step.item);
            else if (array.length > 0) array.splice(step.name === 'replaceFirst' ? 0 : -1, 1, step.item);
          }
          expect(view(queue)).to.deep.equal(viewOf(array));
        }
      }),
    );
  });

  // Beyond some thousands that were taken the rest is moved.
  it('does what an array does in long runs of pushing and taking', () => {
    const run = fc.record({ push: fc.nat({ max: 12_000 }), take: fc.nat({ max: 12_000 }) });
    fc.assert(
      fc.property(fc.array(run, { maxLength: 5 }), runs => {
        const queue = new Fifo<number>();
        let pushed = 0;
        let taken = 0;
        for (const { push, take } of runs) {
          for (let count = 0; count < push; count += 1) queue.push(pushed++);
          for (let count = 0; count < take; count += 1) {
            const item = queue.take();
            if (item !== (taken < pushed ? taken++ : undefined)) expect.fail(`took ${item}, out of order`);
          }
          expect(view(queue)).to.deep.equal(
            viewOf(Array.from({ length: pushed - taken }, (_, at) => taken + at)),
          );
        }
      }),
      { numRuns: 20 },
    );
  });

  it('takes from a long queue as fast as from a short one', () => {
    const items = 500_000;
    const queue = new Fifo<number>();
    for (let item = 0; item < items; item += 1) queue.push(item);
    const begun = performance.now();
    while (queue.length > 0) queue.take();
    // With `shift` of an array it is some 20 seconds.
    expect(performance.now() - begun).to.be.below(5_000);
  });
});

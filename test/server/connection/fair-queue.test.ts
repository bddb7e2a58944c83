import { expect } from 'chai';
import fc from 'fast-check';
import { FairQueue } from '../../../src/server/connection/fair-queue.ts';

const HEAD_START = 100;

type Item = { readonly name: string; readonly amount: number };

/** Serves a number of turns, and adds each item again after its turn. */
const served = (queue: FairQueue<Item>, turns: number): Item[] =>
  Array.from({ length: turns }, () => {
    const item = queue.take() as Item;
    queue.charge(item, item.amount);
    queue.add(item);
    return item;
  });

const names = (items: readonly Item[]): string => items.map(({ name }) => name).join('');

describe('FairQueue', () => {
  it('is empty at first', () => {
    const queue = new FairQueue<Item>(HEAD_START);
    expect([queue.take(), queue.size]).to.deep.equal([undefined, 0]);
  });

  it('serves equal items in turn, and an item that is added twice once', () => {
    const queue = new FairQueue<Item>(HEAD_START);
    const items = [...'abc'].map(name => ({ name, amount: 7 }));
    for (const item of [...items, ...items]) queue.add(item);
    expect([queue.size, names(served(queue, 9))]).to.deep.equal([3, 'abcabcabc']);
  });

  it('serves all items the same amount, however much each is charged at a time', () => {
    const amounts = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(amounts, fc.nat(500), (each, turns) => {
        const queue = new FairQueue<Item>(HEAD_START);
        const items = each.map((amount, at) => ({ name: String(at), amount }));
        for (const item of items) queue.add(item);
        const all = served(queue, turns);
        const had = items.map(item => item.amount * all.filter(one => one === item).length);
        expect(Math.max(...had) - Math.min(...had)).to.be.at.most(Math.max(...each));
      }),
    );
  });

  it('serves an item that returns after a pause first until its head start is used up, then in turn', () => {
    const queue = new FairQueue<Item>(HEAD_START);
    for (const name of 'abc') queue.add({ name, amount: 10 });
    served(queue, 100);
    queue.add({ name: 'q', amount: 10 });
    const order = names(served(queue, 50));
    expect(order).to.match(/^q{9,11}([abc]{2,3}q)+[abc]*$/);
    expect(order.match(/q/g)).to.have.lengthOf.within(20, 22);
  });

  it('serves a small item before large ones each time', () => {
    const queue = new FairQueue<Item>(100 * HEAD_START);
    for (const name of 'abcdefghij') queue.add({ name, amount: 100 * HEAD_START });
    served(queue, 20);
    const key = { name: 'k', amount: 10 };
    const order = Array.from({ length: 100 }, () => {
      const flood = names(served(queue, 3));
      queue.add(key);
      const next = queue.take() as Item;
      queue.charge(next, next.amount);
      return [flood.includes('k'), next.name].join();
    });
    expect(new Set(order)).to.deep.equal(new Set(['false,k']));
  });

  it('accumulates no credit during a pause', () => {
    const queue = new FairQueue<Item>(HEAD_START);
    const [late, other] = [
      { name: 'l', amount: 10 },
      { name: 'o', amount: 10 },
    ];
    queue.add(late);
    queue.charge(queue.take() as Item, 10);
    queue.add(other);
    served(queue, 1000);
    queue.add(late);
    const [first] = names(served(queue, 100)).split('o');
    expect(first?.length).to.be.within(9, 12);
  });
});

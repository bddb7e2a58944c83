import { expect } from 'chai';
import { Turns } from '../../../src/server/files/weighted-semaphore.ts';

/** Asks for turns at once; tells which have begun, and ends them. */
const asking = (turns: Turns, weights: readonly number[]) => {
  const begun: number[] = [];
  const ends = weights.map(async (weight, index) => {
    const end = await turns.take(weight);
    begun.push(index);
    return end;
  });
  return {
    end: async (index: number) => (await ends[index])?.(),
    begun: async () => {
      await new Promise(setImmediate);
      return [...begun];
    },
  };
};

describe('Turns', () => {
  it('begin while there is room, and then in the order in which they came', async () => {
    const asked = asking(new Turns(10), [4, 4, 4, 1]);
    // The last one would fit, but it is not its turn.
    expect(await asked.begun()).to.deep.equal([0, 1]);
    await asked.end(1);
    expect(await asked.begun()).to.deep.equal([0, 1, 2, 3]);
  });

  it('give one that is too heavy all there is, alone', async () => {
    const asked = asking(new Turns(10), [1, 25, 1]);
    expect(await asked.begun()).to.deep.equal([0]);
    await asked.end(0);
    expect(await asked.begun()).to.deep.equal([0, 1]);
    await asked.end(1);
    expect(await asked.begun()).to.deep.equal([0, 1, 2]);
  });

  it('are all given back', async () => {
    const turns = new Turns(10);
    for (let round = 0; round < 3; round += 1) {
      const asked = asking(turns, [10, 3, 7]);
      for (const index of [0, 1, 2]) await asked.end(index);
      expect(await asked.begun()).to.deep.equal([0, 1, 2]);
    }
  });
});

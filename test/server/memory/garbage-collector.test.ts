import { expect } from 'chai';
import { GarbageCollector } from '../../../src/server/memory/garbage-collector.ts';
import { IDLE_GARBAGE_BYTES, MIN_GARBAGE_BYTES } from '../../../src/server/memory/limits.ts';
import { until } from '../../support/until.ts';

/** So much is left that garbage is no matter. */
const FREE = Number.POSITIVE_INFINITY;

const counting = (idleMs = 60_000) => {
  const counted = { collections: 0 };
  const collector = new GarbageCollector(() => {
    counted.collections += 1;
  }, idleMs);
  return { counted, collector };
};

describe('GarbageCollector', () => {
  it('makes room when garbage takes more than is left, and is worth it', () => {
    const { counted, collector } = counting();
    collector.released(MIN_GARBAGE_BYTES, FREE);
    collector.makeRoom(0);
    expect(counted.collections).to.equal(0);
    collector.released(1, FREE);
    collector.makeRoom(MIN_GARBAGE_BYTES + 1);
    expect(counted.collections).to.equal(0);
    collector.makeRoom(MIN_GARBAGE_BYTES);
    expect(counted.collections).to.equal(1);
    collector.makeRoom(0);
    expect(counted.collections).to.equal(1);
  });

  it('collects in the next turn what is more than is left', async () => {
    const { counted, collector } = counting();
    collector.released(MIN_GARBAGE_BYTES + 1, MIN_GARBAGE_BYTES);
    collector.released(1, 0);
    expect(counted.collections).to.equal(0);
    await new Promise(resolve => setImmediate(resolve));
    await new Promise(resolve => setImmediate(resolve));
    expect(counted.collections).to.equal(1);
  });

  it('collects once when it is idle after much was released', async () => {
    const { counted, collector } = counting(1);
    collector.released(IDLE_GARBAGE_BYTES + 1, FREE);
    await until(() => counted.collections > 0, 'nothing was collected');
    await new Promise(resolve => setTimeout(resolve, 20));
    expect(counted.collections).to.equal(1);
  });

  it('leaves little alone', async () => {
    const { counted, collector } = counting(1);
    collector.released(IDLE_GARBAGE_BYTES, FREE);
    await new Promise(resolve => setTimeout(resolve, 20));
    expect(counted.collections).to.equal(0);
  });

  it('collects in fact', async () => {
    const garbage = new WeakRef({ of: 'this test' });
    const collector = new GarbageCollector(undefined, 1);
    collector.released(IDLE_GARBAGE_BYTES + 1, FREE);
    await until(() => garbage.deref() === undefined, 'the garbage was not collected');
  });
});

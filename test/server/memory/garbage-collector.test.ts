import { expect } from 'chai';
import { GarbageCollector } from '../../../src/server/memory/garbage-collector.ts';
import { IDLE_GARBAGE_BYTES, MIN_GARBAGE_BYTES } from '../../../src/server/memory/limits.ts';
import { until } from '../../support/until.ts';

/** Remaining bytes that make garbage irrelevant. */
const FREE = Number.POSITIVE_INFINITY;

const counting = (idleMs = 60_000) => {
  const counted = { collections: 0 };
  const collector = new GarbageCollector(() => {
    counted.collections += 1;
  }, idleMs);
  return { counted, collector };
};

describe('GarbageCollector', () => {
  it('collects when garbage exceeds the remaining budget and the minimum', () => {
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

  it('collects in the next turn if garbage exceeds the remaining budget', async () => {
    const { counted, collector } = counting();
    collector.released(MIN_GARBAGE_BYTES + 1, MIN_GARBAGE_BYTES);
    collector.released(1, 0);
    expect(counted.collections).to.equal(0);
    await new Promise(resolve => setImmediate(resolve));
    await new Promise(resolve => setImmediate(resolve));
    expect(counted.collections).to.equal(1);
  });

  it('collects once in an idle server after much was released', async () => {
    const { counted, collector } = counting(1);
    collector.released(IDLE_GARBAGE_BYTES + 1, FREE);
    await until(() => counted.collections > 0, 'nothing was collected');
    await new Promise(resolve => setTimeout(resolve, 20));
    expect(counted.collections).to.equal(1);
  });

  it('does not collect a small amount', async () => {
    const { counted, collector } = counting(1);
    collector.released(IDLE_GARBAGE_BYTES, FREE);
    await new Promise(resolve => setTimeout(resolve, 20));
    expect(counted.collections).to.equal(0);
  });

  it('runs the collector of V8', async () => {
    const garbage = new WeakRef({ of: 'this test' });
    const collector = new GarbageCollector(undefined, 1);
    collector.released(IDLE_GARBAGE_BYTES + 1, FREE);
    await until(() => garbage.deref() === undefined, 'the garbage was not collected');
  });
});

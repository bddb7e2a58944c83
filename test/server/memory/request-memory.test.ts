import { expect } from 'chai';
import type { ExecServerError } from '../../../src/protocol/errors.ts';
import {
  ANSWER_HIGH_WATER_BYTES,
  PENDING_REQUEST_BYTES,
  SHORT_FRAME_BYTES,
} from '../../../src/server/memory/limits.ts';
import { MemoryBudget } from '../../../src/server/memory/memory-budget.ts';
import { RequestMemory } from '../../../src/server/memory/request-memory.ts';

const MIB = 1024 * 1024;

const requests = (limitBytes = 48 * MIB, maxFrameBytes = 8 * MIB) => {
  const budget = new MemoryBudget(limitBytes);
  const backlog = { queuedBytes: 0, flushed: () => Promise.resolve() };
  const proceeded = { times: 0 };
  const memory = new RequestMemory(budget, maxFrameBytes, backlog, () => {
    proceeded.times += 1;
  });
  const admit = (bytes: number, text = 'a') => memory.admit(Buffer.alloc(bytes, text));
  return { admit, backlog, budget, memory, proceeded };
};

const refusalOf = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    return (error as ExecServerError).data;
  }
};

describe('RequestMemory', () => {
  it('counts a short frame until it is released', () => {
    const { admit, budget, memory } = requests();
    expect(admit(100)).to.equal(true);
    const hold = memory.take();
    expect([budget.use.usedBytes, memory.take()]).to.deep.equal([PENDING_REQUEST_BYTES + 200, undefined]);
    memory.release(hold);
    expect(budget.use.usedBytes).to.equal(0);
  });

  it('makes short frames wait only for answers, not for other memory', () => {
    const { admit, budget, memory } = requests();
    for (const name of ['stdin', 'uploads', 'answers', 'retained'] as const)
      budget.share(name).take(40 * MIB);
    expect(admit(100)).to.equal(true);
    memory.take();
    let pending = 1;
    while (admit(100) === true) {
      memory.take();
      pending += 1;
    }
    expect(pending).to.equal(Math.floor((6 * MIB) / (PENDING_REQUEST_BYTES + 200)));
  });

  it('admits no frame while the client reads no answers, and calls back later', async () => {
    const { admit, backlog, proceeded } = requests();
    backlog.queuedBytes = ANSWER_HIGH_WATER_BYTES + 1;
    expect([admit(100), admit(2 * SHORT_FRAME_BYTES)]).to.deep.equal([false, false]);
    await Promise.resolve();
    expect(proceeded.times).to.equal(1);
  });

  it('counts a long frame several times while it is parsed, and once until it is answered', () => {
    const { admit, budget, memory } = requests();
    expect(admit(2 * MIB)).to.equal(true);
    expect(budget.use.usedBytes).to.equal(6 * MIB);
    const hold = memory.take();
    expect(budget.use.usedBytes).to.equal(3 * MIB);
    memory.release(hold);
    expect(budget.use.usedBytes).to.equal(0);
  });

  it('makes a long frame wait for answers in progress, and then admits it alone', () => {
    const { admit, budget, proceeded } = requests();
    budget.share('answers').take(1);
    expect(admit(8 * MIB)).to.equal(false);
    budget.share('answers').release(1);
    expect([proceeded.times, admit(8 * MIB)]).to.deep.equal([1, true]);
  });

  it('refuses a long frame if there is no memory to hold its params', () => {
    const { admit, memory } = requests();
    for (let count = 0; count < 2; count += 1) {
      expect(admit(8 * MIB)).to.equal(true);
      memory.take();
    }
    expect(admit(8 * MIB)).to.equal(true);
    expect(refusalOf(() => memory.take())).to.deep.equal({
      kind: 'limitExceeded',
      limit: 'queuedRequestBytes',
      current: 36 * MIB,
      max: 24 * MIB,
    });
  });

  it('refuses a frame that is not ASCII and exceeds the whole memory', () => {
    const { admit } = requests();
    const refused = admit(8 * MIB - ((8 * MIB) % 2), 'ä') as true | ExecServerError;
    expect(refused).to.equal(true);
    expect((requests(32 * MIB).admit(8 * MIB, 'ä') as ExecServerError).data).to.deep.equal({
      kind: 'limitExceeded',
      limit: 'memoryBytes',
      current: 40 * MIB,
      max: 32 * MIB,
    });
  });

  it('releases the memory of a frame that is not a message', () => {
    const { admit, budget, memory } = requests();
    admit(2 * MIB);
    memory.done();
    expect([budget.use.usedBytes, memory.take()]).to.deep.equal([0, undefined]);
  });
});

import { expect } from 'chai';
import { AnswerMemory } from '../../../src/server/memory/answer-memory.ts';
import { MemoryBudget } from '../../../src/server/memory/memory-budget.ts';

const KIB = 1024;
const turn = () => new Promise(resolve => setImmediate(resolve));

/** Answers with 1 MiB of memory to a client that a test lets read. */
const answering = () => {
  const budget = new MemoryBudget(16 * KIB * KIB);
  const client = { queuedBytes: 0, read: () => {} };
  const backlog = {
    get queuedBytes() {
      return client.queuedBytes;
    },
    flushed: () =>
      new Promise<void>(resolve => {
        client.read = () => {
          client.queuedBytes = 0;
          resolve();
        };
      }),
  };
  const answers = new AnswerMemory(budget, backlog);
  const begun: number[] = [];
  const make = (name: number, bytes: number) =>
    answers.making(bytes, async () => {
      begun.push(name);
    });
  return { answers, begun, budget, client, make };
};

describe('AnswerMemory', () => {
  it('makes answers in the order of the requests, as many at a time as there is memory for', async () => {
    const { begun, budget, make } = answering();
    const all = [make(1, 600 * KIB), make(2, 600 * KIB), make(3, 100 * KIB)];
    await all[0];
    expect(begun).to.deep.equal([1]);
    await Promise.all(all);
    await turn();
    expect([begun, budget.use.usedBytes]).to.deep.equal([[1, 2, 3], 0]);
  });

  it('counts an answer until it is queued', async () => {
    const { budget, make } = answering();
    await make(1, 600 * KIB);
    expect(budget.share('answers').usedBytes).to.equal(600 * KIB);
    await turn();
    expect(budget.share('answers').usedBytes).to.equal(0);
  });

  it('makes no answer until the client has read earlier ones', async () => {
    const { begun, client, make } = answering();
    client.queuedBytes = 800 * KIB;
    const waiting = make(1, 600 * KIB);
    await turn();
    expect(begun).to.deep.equal([]);
    client.read();
    await waiting;
    expect(begun).to.deep.equal([1]);
  });

  it('makes an answer that exceeds the memory when there is no other', async () => {
    const { begun, make } = answering();
    const all = [make(1, 10 * KIB), make(2, 5000 * KIB), make(3, 10 * KIB)];
    await all[0];
    expect(begun).to.deep.equal([1]);
    await Promise.all(all);
    expect(begun).to.deep.equal([1, 2, 3]);
  });

  it('releases the memory of a failed answer', async () => {
    const { answers, budget } = answering();
    const failing = answers.making(600 * KIB, () => Promise.reject(new Error('no')));
    expect(await failing.catch((error: Error) => error.message)).to.equal('no');
    await turn();
    expect(budget.use.usedBytes).to.equal(0);
  });
});

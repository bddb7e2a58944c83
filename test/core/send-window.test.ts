import { expect } from 'chai';
import { SEND_OVERHEAD_BYTES } from '../../src/core/limits.ts';
import { BlocksUnderWay, SendWindow } from '../../src/core/send-window.ts';
import { deferred } from '../../src/system/deferred.ts';
import { settle } from '../server/support/slow-client.ts';

const MIB = 1024 * 1024;
const WINDOW = 48 * (MIB + SEND_OVERHEAD_BYTES);

const windowOf = (shortened: () => Promise<void> | undefined = () => undefined) =>
  new SendWindow(WINDOW, { shortened });

/** Sends blocks of 1 MiB that are not answered, as many as the window allows; returns their number. */
const fill = async (stream: BlocksUnderWay) => {
  const answered = new Promise<never>(() => {});
  let blocks = 0;
  void (async () => {
    for (; ; blocks += 1) {
      await stream.room();
      stream.add(MIB, answered);
    }
  })().catch(() => {});
  await settle();
  for (let before = -1; before !== blocks; ) {
    before = blocks;
    await settle();
  }
  return blocks;
};

describe('BlocksUnderWay', () => {
  it('has many blocks under way, and leaves room for other streams however many are never answered', async () => {
    const window = windowOf();
    const blocks: number[] = [];
    for (let stream = 0; stream < 5; stream += 1) blocks.push(await fill(new BlocksUnderWay(window)));
    expect(blocks).to.deep.equal([33, 11, 3, 1, 1]);
  });

  it('has one block under way in a window that is full', async () => {
    const window = windowOf();
    for (let stream = 0; stream < 50; stream += 1) await fill(new BlocksUnderWay(window));
    expect(await fill(new BlocksUnderWay(window))).to.equal(1);
  });

  it('continues when blocks were answered', async () => {
    const stream = new BlocksUnderWay(windowOf());
    const answers = Array.from({ length: 34 }, () => deferred<void>());
    for (const { promise } of answers.slice(0, 33)) {
      await stream.room();
      stream.add(MIB, promise);
    }
    const next = stream.room();
    answers[7]?.resolve();
    await next;
    for (const { resolve } of answers) resolve();
    await stream.answered();
  });

  it('fails the next call with the first error', async () => {
    const stream = new BlocksUnderWay(windowOf());
    for (const reason of ['first', 'second']) {
      await stream.room();
      stream.add(1, Promise.reject(new Error(reason)));
    }
    await settle();
    for (const call of [() => stream.room(), () => stream.answered()]) {
      const error = await call().then(
        () => undefined,
        ({ message }) => message,
      );
      expect(error).to.equal('first');
    }
  });

  it('waits while the queue of this side is long, for keys and signals that are sent in between', async () => {
    const queue = deferred<void>();
    let long = true;
    const stream = new BlocksUnderWay(windowOf(() => (long ? queue.promise : undefined)));
    expect(await fill(stream)).to.equal(0);
    long = false;
    queue.resolve();
    await settle();
    expect(stream.underWay).to.equal(33 * (MIB + SEND_OVERHEAD_BYTES));
  });
});

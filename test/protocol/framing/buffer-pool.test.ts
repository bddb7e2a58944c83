import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { BufferPool } from '../../../src/protocol/framing/buffer-pool.ts';

const LONG = 64 * 1024;

describe('BufferPool', () => {
  it('gives no block twice while it is in use', () => {
    const pool = new BufferPool();
    const frames = Array.from({ length: 10 }, (_, at) => pool.acquire(LONG).fill(at));
    expect(frames.map(frame => [frame.length, frame[0], frame.at(-1)])).to.deep.equal(
      frames.map((_, at) => [LONG, at, at]),
    );
    expect(frames.every(frame => pool.owns(frame))).to.equal(true);
  });

  it('gives a released block again, and only once', () => {
    const pool = new BufferPool();
    const first = pool.acquire(LONG);
    pool.release(first);
    pool.release(first);
    const [second, third] = [pool.acquire(LONG + 1), pool.acquire(LONG)];
    expect([second.buffer === first.buffer, third.buffer === first.buffer]).to.deep.equal([true, false]);
  });

  it('keeps only a few free blocks', () => {
    const pool = new BufferPool();
    const frames = Array.from({ length: 10 }, () => pool.acquire(LONG));
    for (const frame of frames) pool.release(frame);
    const before = new Set(frames.map(({ buffer }) => buffer));
    const again = Array.from({ length: 10 }, () => pool.acquire(LONG));
    expect(again.filter(({ buffer }) => before.has(buffer))).to.have.lengthOf(4);
  });

  it('does not keep blocks that are never released', async () => {
    const pool = new BufferPool();
    const lent = Array.from({ length: 10 }, () => new WeakRef(pool.acquire(LONG).buffer));
    // The target of a new WeakRef is kept until the next turn.
    await nextTurn();
    setFlagsFromString('--expose-gc');
    runInNewContext('gc')();
    expect(lent.filter(block => block.deref() !== undefined)).to.deep.equal([]);
    expect(pool.owns(pool.acquire(LONG))).to.equal(true);
  });

  it('does not own short, very long and foreign buffers', () => {
    const pool = new BufferPool();
    const frames = [pool.acquire(10), pool.acquire(10 * 1024 * 1024), Buffer.allocUnsafeSlow(LONG)];
    expect(frames.map(frame => pool.owns(frame))).to.deep.equal([false, false, false]);
  });
});

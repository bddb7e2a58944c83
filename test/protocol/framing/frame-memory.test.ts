import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { FrameMemory } from '../../../src/protocol/framing/frame-memory.ts';

const LONG = 64 * 1024;

describe('FrameMemory', () => {
  it('gives each frame memory of its own while that is in use', () => {
    const memory = new FrameMemory();
    const frames = Array.from({ length: 10 }, (_, at) => memory.take(LONG).fill(at));
    expect(frames.map(frame => [frame.length, frame[0], frame.at(-1)])).to.deep.equal(
      frames.map((_, at) => [LONG, at, at]),
    );
    expect(frames.every(frame => memory.owns(frame))).to.equal(true);
  });

  it('gives memory again that came back, once', () => {
    const memory = new FrameMemory();
    const first = memory.take(LONG);
    memory.giveBack(first);
    memory.giveBack(first);
    const [second, third] = [memory.take(LONG + 1), memory.take(LONG)];
    expect([second.buffer === first.buffer, third.buffer === first.buffer]).to.deep.equal([true, false]);
  });

  it('keeps no more than a few blocks that nobody uses', () => {
    const memory = new FrameMemory();
    const frames = Array.from({ length: 10 }, () => memory.take(LONG));
    for (const frame of frames) memory.giveBack(frame);
    const before = new Set(frames.map(({ buffer }) => buffer));
    const again = Array.from({ length: 10 }, () => memory.take(LONG));
    expect(again.filter(({ buffer }) => before.has(buffer))).to.have.lengthOf(4);
  });

  it('holds on to nothing that does not come back', async () => {
    const memory = new FrameMemory();
    const lent = Array.from({ length: 10 }, () => new WeakRef(memory.take(LONG).buffer));
    // What a weak reference was made of stays until the next turn.
    await nextTurn();
    setFlagsFromString('--expose-gc');
    runInNewContext('gc')();
    expect(lent.filter(block => block.deref() !== undefined)).to.deep.equal([]);
    expect(memory.owns(memory.take(LONG))).to.equal(true);
  });

  it('leaves short frames, very long ones and those of others alone', () => {
    const memory = new FrameMemory();
    const frames = [memory.take(10), memory.take(10 * 1024 * 1024), Buffer.allocUnsafeSlow(LONG)];
    expect(frames.map(frame => memory.owns(frame))).to.deep.equal([false, false, false]);
  });
});

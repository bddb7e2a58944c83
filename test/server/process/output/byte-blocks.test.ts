import { expect } from 'chai';
import fc from 'fast-check';
import { ByteBlocks } from '../../../../src/server/process/output/byte-blocks.ts';

const KIB = 1024;

describe('ByteBlocks', () => {
  it('behaves as a queue for any order of push and drop, and counts its memory', () => {
    const step = fc.record({ push: fc.nat(100 * KIB), drop: fc.double({ min: 0, max: 1, noNaN: true }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), steps => {
        const blocks = new ByteBlocks();
        let [model, start, memory] = [Buffer.alloc(0), 0, 0];
        for (const [at, { push, drop }] of steps.entries()) {
          const bytes = Buffer.alloc(push, at + 1);
          const needed = blocks.memoryFor(push);
          const taken = blocks.push(bytes);
          expect(taken).to.equal(needed);
          model = Buffer.concat([model, bytes]);
          const dropped = Math.floor(model.length * drop);
          start += dropped;
          model = model.subarray(dropped);
          memory += taken - blocks.dropBefore(start);
          expect(blocks.end).to.equal(start + model.length);
          expect(blocks.read(start, model.length).equals(model)).to.equal(true);
          expect(memory).to.be.at.least(model.length);
          expect(memory).to.be.at.most(3 * model.length + 128 * KIB);
        }
        expect(blocks.clear()).to.equal(memory);
      }),
    );
  });

  it('takes no more memory than the output if that is short', () => {
    const blocks = new ByteBlocks();
    expect([
      blocks.push(Buffer.alloc(20)),
      blocks.push(Buffer.alloc(5)),
      blocks.push(Buffer.alloc(5)),
    ]).to.deep.equal([20, 40, 0]);
  });

  it('reads any part that it has', () => {
    const blocks = new ByteBlocks();
    const bytes = Buffer.from(Array.from({ length: 200 * KIB }, (_, at) => at % 251));
    for (let at = 0; at < bytes.length; at += 30 * KIB) blocks.push(bytes.subarray(at, at + 30 * KIB));
    fc.assert(
      fc.property(fc.nat(200 * KIB), fc.nat(200 * KIB), (one, other) => {
        const [from, to] = [Math.min(one, other), Math.max(one, other)];
        expect(blocks.read(from, to - from).equals(bytes.subarray(from, to))).to.equal(true);
      }),
    );
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { ByteRing } from '../../../src/server/process/byte-ring.ts';

describe('ByteRing', () => {
  it('is a queue of bytes, however they are added, dropped and copied', () => {
    const step = fc.oneof(
      fc.record({ add: fc.uint8Array({ maxLength: 40 }) }),
      fc.record({ drop: fc.nat(40) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), fc.nat(100), fc.nat(100), (steps, from, count) => {
        const ring = new ByteRing();
        let expected = Buffer.alloc(0);
        for (const each of steps) {
          if ('add' in each) {
            ring.push(Buffer.from(each.add));
            expected = Buffer.concat([expected, each.add]);
          } else {
            const dropped = Math.min(each.drop, expected.length);
            ring.drop(dropped);
            expected = expected.subarray(dropped);
          }
          expect(ring.length).to.equal(expected.length);
          expect(ring.copy(0, ring.length)).to.deep.equal(expected);
        }
        const start = Math.min(from, expected.length);
        const length = Math.min(count, expected.length - start);
        expect(ring.copy(start, length)).to.deep.equal(expected.subarray(start, start + length));
      }),
    );
  });

  it('keeps what it was given, whatever becomes of that memory', () => {
    const ring = new ByteRing();
    const bytes = Buffer.from('abc');
    ring.push(bytes);
    bytes.fill('x');
    ring.copy(0, 3).fill('y');
    expect(ring.copy(0, 3).toString()).to.equal('abc');
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { Credit } from '../../../../src/server/process/output/credit.ts';

describe('Credit', () => {
  it('allows output up to the window, to the byte', () => {
    const credit = new Credit(100);
    credit.sent(1, 60);
    expect([40, 41].map(bytes => credit.allows(bytes))).to.deep.equal([true, false]);
  });

  it('frees an acknowledged message and everything before it', () => {
    const credit = new Credit(100);
    for (const [seq, bytes] of [
      [1, 50],
      [3, 30],
      [4, 20],
    ] as const) {
      credit.sent(seq, bytes);
    }
    credit.acknowledge(3);
    expect([80, 81].map(bytes => credit.allows(bytes))).to.deep.equal([true, false]);
  });

  it('accepts acknowledgements that are repeated, old, of other messages, or in the future', () => {
    const credit = new Credit(10);
    credit.sent(2, 10);
    credit.acknowledge(0);
    credit.acknowledge(1);
    expect(credit.allows(1)).to.equal(false);
    credit.acknowledge(1000);
    credit.acknowledge(1000);
    expect([10, 11].map(bytes => credit.allows(bytes))).to.deep.equal([true, false]);
    // It does not acknowledge messages that are sent later.
    credit.sent(3, 10);
    expect(credit.allows(1)).to.equal(false);
  });

  it('takes another window with an acknowledgement, and keeps it', () => {
    const credit = new Credit(100);
    credit.sent(1, 60);
    credit.sent(2, 40);
    credit.acknowledge(1, 1000);
    expect([960, 961].map(bytes => credit.allows(bytes))).to.deep.equal([true, false]);
    credit.acknowledge(2);
    expect([1000, 1001].map(bytes => credit.allows(bytes))).to.deep.equal([true, false]);
    credit.sent(3, 50);
    credit.acknowledge(2, 40);
    expect(credit.allows(1)).to.equal(false);
  });

  it('allows everything without a window and stores nothing', () => {
    const credit = new Credit(Number.POSITIVE_INFINITY);
    credit.sent(1, Number.MAX_SAFE_INTEGER);
    credit.sent(2, Number.MAX_SAFE_INTEGER);
    expect(credit.allows(Number.MAX_SAFE_INTEGER)).to.equal(true);
  });

  it('counts exactly the unacknowledged bytes', () => {
    const step = fc.oneof(
      fc.record({ send: fc.integer({ min: 1, max: 1000 }) }),
      fc.record({ acknowledge: fc.nat(60) }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 20_000 }), fc.array(step, { maxLength: 60 }), (window, steps) => {
        const credit = new Credit(window);
        let underWay: Array<{ seq: number; bytes: number }> = [];
        let seq = 0;
        for (const next of steps) {
          if ('send' in next) {
            seq += 1;
            underWay.push({ seq, bytes: next.send });
            credit.sent(seq, next.send);
          } else {
            underWay = underWay.filter(sent => sent.seq > next.acknowledge);
            credit.acknowledge(next.acknowledge);
          }
          const left = window - underWay.reduce((sum, { bytes }) => sum + bytes, 0);
          expect([credit.allows(left), credit.allows(left + 1)]).to.deep.equal([true, false]);
        }
      }),
    );
  });
});

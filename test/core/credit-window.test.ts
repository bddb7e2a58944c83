import { expect } from 'chai';
import fc from 'fast-check';
import { CreditWindow, CreditWindows } from '../../src/core/credit-window.ts';
import { MAX_WINDOW_GROWTH_BYTES } from '../../src/core/limits.ts';

const MIB = 1024 * 1024;

describe('CreditWindow', () => {
  it('becomes five times as large with each window that is read without delay, up to the maximum', () => {
    const window = new CreditWindow(new CreditWindows(MIB, 32 * MIB));
    const sizes = Array.from({ length: 4 }, () => window.adapt(window.bytes, 0));
    expect(sizes).to.deep.equal([5 * MIB, 25 * MIB, 32 * MIB, undefined]);
  });

  it('shrinks by what is read while the reader is behind, down to its initial size', () => {
    const window = new CreditWindow(new CreditWindows(MIB, 32 * MIB));
    while (window.adapt(window.bytes, 0) !== undefined);
    const sizes = Array.from({ length: 4 }, () => window.adapt(12 * MIB, window.bytes));
    expect(sizes).to.deep.equal([20 * MIB, 8 * MIB, MIB, undefined]);
  });

  it('stays as it is for a server that does not support another size', () => {
    const window = new CreditWindow(new CreditWindows(MIB, 0));
    expect(window.adapt(MIB, 0)).to.equal(undefined);
  });

  it('grows only by what other windows have left, which is more after they are released', () => {
    const windows = new CreditWindows(MIB, 32 * MIB);
    const [first, second, third] = Array.from({ length: 3 }, () => new CreditWindow(windows));
    for (const window of [first, second, third]) while (window?.adapt(window.bytes, 0) !== undefined);
    expect([first, second, third].map(window => window?.bytes)).to.deep.equal([
      32 * MIB,
      32 * MIB,
      MIB + MAX_WINDOW_GROWTH_BYTES - 2 * 31 * MIB,
    ]);
    first?.release();
    first?.release();
    while (third?.adapt(third.bytes, 0) !== undefined);
    expect([first?.bytes, third?.bytes]).to.deep.equal([MIB, 32 * MIB]);
  });

  it('never moves its end back, and acknowledges before it is full', () => {
    const step = fc.record({ read: fc.nat(2 * MIB), unread: fc.nat(40 * MIB) });
    fc.assert(
      fc.property(fc.constantFrom(64 * 1024, MIB, 8 * MIB), fc.array(step), (initial, steps) => {
        const window = new CreditWindow(new CreditWindows(initial, 32 * MIB));
        for (const { read, unread } of steps) {
          const before = window.bytes;
          window.adapt(read, unread);
          expect(window.bytes + read).to.be.at.least(before);
          expect(window.bytes).to.be.within(initial, 32 * MIB);
          expect(window.acknowledgeBytes).to.be.at.most(window.bytes / 4);
        }
      }),
    );
  });
});

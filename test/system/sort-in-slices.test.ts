import { expect } from 'chai';
import fc from 'fast-check';
import { sortInSlices } from '../../src/system/sort-in-slices.ts';
import { TimeSlice } from '../../src/system/time-slice.ts';

describe('sortInSlices', () => {
  it('sorts as the array itself does, few items and many', async () => {
    const items = fc.array(fc.record({ key: fc.nat(50), text: fc.string() }), { maxLength: 50 });
    await fc.assert(
      fc.asyncProperty(items, fc.nat(200), async (some, times) => {
        const all = Array.from({ length: times }, () => some).flat();
        const compare = (one: { key: number }, other: { key: number }) => one.key - other.key;
        expect(await sortInSlices(all, compare, new TimeSlice())).to.deep.equal([...all].sort(compare));
      }),
      { numRuns: 30 },
    );
  });

  it('lets other work in between', async () => {
    const slice = new TimeSlice();
    let turns = 0;
    const count = setInterval(() => {
      turns += 1;
    });
    // Each comparison takes a while, as that of long names does.
    const compare = (one: number, other: number) =>
      Number(String(one).padStart(2000, '0') > String(other).padStart(2000, '0')) - 0.5;
    const items = Array.from({ length: 20_000 }, (_, at) => (at * 7919) % 20_000);
    const sorted = await sortInSlices(items, compare, slice);
    clearInterval(count);
    expect(sorted).to.deep.equal([...items].sort((a, b) => a - b));
    expect(turns).to.be.above(1);
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { nestingDepth } from '../../../src/protocol/framing/nesting.ts';
import { anyBytes, latin1 } from './support.ts';

const depthOf = (json: string, limit = 1000): number => nestingDepth(Buffer.from(json), limit);

/** The same by recursion over the value. */
const referenceDepth = (value: unknown): number => {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(referenceDepth));
};

describe('nestingDepth', () => {
  it('is that of the deepest value, for any JSON', () => {
    const json = fc.oneof(
      fc.jsonValue({ maxDepth: 8 }),
      // Strings that look like structure.
      fc.array(fc.string({ unit: fc.constantFrom('"', '\\', '[', ']', '{', '}', 'a') })),
    );
    fc.assert(
      fc.property(json, fc.constantFrom(undefined, 2), (value, indent) => {
        expect(depthOf(JSON.stringify(value, null, indent))).to.equal(referenceDepth(value));
      }),
      { numRuns: 1000 },
    );
  });

  const cases: Array<[json: string, depth: number]> = [
    ['1', 0],
    ['', 0],
    ['[]', 1],
    ['{"a":{}}', 2],
    ['[[],[[]]]', 3],
    ['"[[["', 0],
    ['["]",[]]', 2],
    ['{"[[":"{{"}', 1],
    [String.raw`["\"[["]`, 1],
    [String.raw`["\\",[]]`, 2],
    [String.raw`["\\\"[[",[]]`, 2],
    [String.raw`["\u005b[["]`, 1],
  ];
  for (const [json, depth] of cases) {
    it(`is ${depth} for ${json || 'nothing'}`, () => {
      expect(depthOf(json)).to.equal(depth);
    });
  }

  it('is told exactly up to the limit and as one more beyond it', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    expect([63, 64, 65, 66, 10_000].map(depth => depthOf(nested(depth), 64))).to.deep.equal([
      63, 64, 65, 65, 65,
    ]);
  });

  it('gives some number for any bytes', () => {
    fc.assert(
      fc.property(anyBytes(), text => {
        expect(nestingDepth(latin1(text), 5)).to.be.within(0, 6);
      }),
    );
  });

  it('goes over escapes once, however many there are', () => {
    expect(depthOf(`["${String.raw`\\`.repeat(2_000_000)}"]`)).to.equal(1);
    expect(depthOf(`["${String.raw`\"`.repeat(2_000_000)}"]`)).to.equal(1);
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { TextTail } from '../../src/core/text-tail.ts';

const tailOf = (maxBytes: number, chunks: ReadonlyArray<Buffer | string>): TextTail => {
  const tail = new TextTail(maxBytes);
  for (const chunk of chunks) tail.push(Buffer.from(chunk as string));
  return tail;
};

describe('TextTail', () => {
  it('returns the last lines, including an unfinished one', () => {
    expect(tailOf(100, ['one\ntwo\nthree\nfo', 'ur']).lines(2)).to.deep.equal(['three', 'four']);
  });

  it('returns all lines if there are fewer than requested', () => {
    expect(tailOf(100, ['one\n']).lines(10)).to.deep.equal(['one']);
    expect(tailOf(100, []).lines(10)).to.deep.equal([]);
  });

  it('ignores empty lines, and accepts any kind of line break', () => {
    expect(tailOf(100, ['one\r\n\r\n  \ntwo\rthree\n\n']).lines(10)).to.deep.equal(['one', 'two', 'three']);
  });

  it('keeps the last bytes up to its limit', () => {
    expect(tailOf(8, ['0123', '4567', '89']).lines(1)).to.deep.equal(['23456789']);
    expect(tailOf(8, ['0123456789abcdef']).lines(1)).to.deep.equal(['89abcdef']);
  });

  it('decodes a character in two chunks', () => {
    const [first, second] = [Buffer.from('ä').subarray(0, 1), Buffer.from('ä').subarray(1)];
    expect(tailOf(100, ['k', first, second, 'se']).lines(1)).to.deep.equal(['käse']);
  });

  it('begins with a whole character', () => {
    for (let maxBytes = 1; maxBytes <= 12; maxBytes += 1) {
      const { text } = tailOf(maxBytes, ['aü☃🍺'.repeat(3)]);
      expect('aü☃🍺'.repeat(3).endsWith(text)).to.equal(true);
      expect(Buffer.byteLength(text)).to.be.within(Math.max(0, maxBytes - 3), maxBytes);
    }
    expect(tailOf(100, [Buffer.from([0xbc, 0x61])]).text).to.equal('\ufffda');
  });

  it('accepts bytes that are not text', () => {
    expect(tailOf(100, [Buffer.from([0x61, 0xff, 0x62])]).lines(1)).to.deep.equal(['a\ufffdb']);
  });

  it('is the same for any chunks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom('a', '\n', '\r', 'ä', ' ') })),
        fc.integer({ min: 1, max: 20 }),
        (chunks, maxBytes) => {
          expect(tailOf(maxBytes, chunks).lines(5)).to.deep.equal(
            tailOf(maxBytes, [chunks.join('')]).lines(5),
          );
        },
      ),
    );
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { TextTail } from '../../src/core/text-tail.ts';

const tailOf = (maxBytes: number, chunks: ReadonlyArray<Buffer | string>): TextTail => {
  const tail = new TextTail(maxBytes);
  for (const chunk of chunks) tail.push(Buffer.from(chunk as string));
  return tail;
};

describe('TextTail', () => {
  it('keeps the last bytes up to its limit', () => {
    const tail = tailOf(8, ['0123', '4567', '89']);
    expect([tail.text, tail.isCut]).to.deep.equal(['23456789', true]);
    expect(tailOf(8, ['0123', '4567']).isCut).to.equal(false);
    expect(tailOf(8, ['0123456789abcdef']).text).to.equal('89abcdef');
  });

  it('decodes a character in two chunks', () => {
    const [first, second] = [Buffer.from('ä').subarray(0, 1), Buffer.from('ä').subarray(1)];
    expect(tailOf(100, ['k', first, second, 'se']).text).to.equal('käse');
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
    expect(tailOf(100, [Buffer.from([0x61, 0xff, 0x62])]).text).to.equal('a\ufffdb');
  });

  it('is the same for any chunks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom('a', '\n', '\r', 'ä', ' ') })),
        fc.integer({ min: 1, max: 20 }),
        (chunks, maxBytes) => {
          expect(tailOf(maxBytes, chunks).text).to.equal(tailOf(maxBytes, [chunks.join('')]).text);
        },
      ),
    );
  });
});

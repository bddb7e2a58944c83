import { expect } from 'chai';
import fc from 'fast-check';
import { countedBytes, StartUpOutputRecord } from '../../src/core/start-up-output.ts';

const recordOf = (chunks: ReadonlyArray<Buffer | string>): StartUpOutputRecord => {
  const record = new StartUpOutputRecord();
  for (const chunk of chunks) record.push(Buffer.from(chunk as string));
  return record;
};

const numbers = (count: number): string => Array.from({ length: count }, (_, at) => `${at}\n`).join('');

describe('StartUpOutputRecord', () => {
  it('has no summary without bytes', () => {
    expect(recordOf([]).summary).to.equal(undefined);
    expect(recordOf(['']).summary).to.equal(undefined);
  });

  it('counts bytes, and shows short text as a whole, with control characters escaped', () => {
    expect(recordOf(['Be', 'er ü\n\x1b[0m']).summary).to.deep.equal({
      bytes: 12,
      excerpt: 'Beer ü\\n\\u001b[0m',
    });
  });

  it('shows up to 300 characters of any width', () => {
    for (const character of ['a', 'ü', '☃', '🍺']) {
      const text = character.repeat(300);
      expect(recordOf([text]).summary).to.deep.equal({ bytes: Buffer.byteLength(text), excerpt: text });
    }
  });

  it('shows the beginning and the end of longer text', () => {
    for (const character of ['a', 'ü', '☃', '🍺']) {
      const text = `begin${character.repeat(400)}end`;
      expect(recordOf([text]).summary).to.deep.equal({
        bytes: Buffer.byteLength(text),
        excerpt: `begin${character.repeat(195)}…${character.repeat(97)}end`,
      });
    }
  });

  it('accepts bytes that are not text', () => {
    expect(recordOf([Buffer.from([0x61, 0xff, 0x62])]).summary).to.deep.equal({
      bytes: 3,
      excerpt: 'a\ufffdb',
    });
  });

  it('has bounded memory, and keeps the end of the text', () => {
    const text = `${numbers(50_000)}Password: `;
    const { text: kept, summary } = recordOf([text]);
    expect(summary?.bytes).to.equal(text.length);
    expect(summary?.excerpt.length).to.be.below(6 * 301);
    expect(kept.length).to.be.at.most(301);
    expect(kept.endsWith('Password: ')).to.equal(true);
  });

  it('is the same for any chunks', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 2000 }).map(all => Buffer.from(all)),
      fc.string({ unit: 'grapheme', maxLength: 900 }).map(text => Buffer.from(text)),
    );
    fc.assert(
      fc.property(bytes, fc.integer({ min: 1, max: 200 }), (all, size) => {
        const chunks = Array.from({ length: Math.ceil(all.length / size) }, (_, at) =>
          all.subarray(at * size, (at + 1) * size),
        );
        expect(recordOf(chunks).summary).to.deep.equal(recordOf([all]).summary);
      }),
    );
  });
});

describe('countedBytes', () => {
  it('has the singular for 1', () => {
    expect([0, 1, 2].map(countedBytes)).to.deep.equal(['0 bytes', '1 byte', '2 bytes']);
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { LineExcerpt } from '../../src/core/line-excerpt.ts';

const linesOf = (...chunks: ReadonlyArray<Buffer | string>): string[] => {
  const excerpt = new LineExcerpt();
  for (const chunk of chunks) excerpt.push(Buffer.from(chunk as string));
  return excerpt.lines;
};

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => String(from + index));

describe('LineExcerpt', () => {
  it('has up to 30 lines, including an unfinished one', () => {
    expect(linesOf()).to.deep.equal([]);
    expect(linesOf('one\ntwo\nth', 'ree')).to.deep.equal(['one', 'two', 'three']);
    expect(linesOf(numbers(1, 30).join('\n'))).to.deep.equal(numbers(1, 30));
  });

  it('ignores empty lines, and accepts any kind of line break', () => {
    expect(linesOf('one\r\n\r\n  \ntwo\rthree\n\n')).to.deep.equal(['one', 'two', 'three']);
  });

  it('has the first 20 and the last 10 of more lines', () => {
    for (const count of [31, 100, 10_000])
      expect(linesOf(numbers(1, count).join('\n'))).to.deep.equal([
        ...numbers(1, 20),
        '…',
        ...numbers(count - 9, count),
      ]);
  });

  it('has the first and the last 16 KiB of longer lines', () => {
    const [a, b, c] = ['a', 'b', 'c'].map(letter => letter.repeat(10 * 1024)) as [string, string, string];
    expect(linesOf(`${a}\n${b}\n${c}`)).to.deep.equal([a, b, c]);
    const [first, cut, omitted, rest, last, ...more] = linesOf(`${a}\n${b}\n${b}\n${c}`);
    expect([first, omitted, last, more]).to.deep.equal([a, '…', c, []]);
    expect([`${first}\n${cut}`.length, `${rest}\n${last}`.length]).to.deep.equal([16 * 1024, 16 * 1024]);
  });

  it('has whole characters', () => {
    const text = '☃'.repeat(5000);
    expect(linesOf(text)).to.deep.equal([text]);
    const lines = linesOf('☃'.repeat(50_000));
    expect(lines.join('').replaceAll('☃', '')).to.equal('…');
  });

  it('is the same for any chunks', () => {
    const text = Buffer.from(`${'☃ä\n'.repeat(4000)}${'x'.repeat(9000)}\n${'end\r\n'.repeat(3000)}`);
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 10 }), cuts => {
        const ends = [0, ...cuts.sort((one, other) => one - other), text.length];
        const chunks = ends.slice(1).map((end, index) => text.subarray(ends[index], end));
        expect(linesOf(...chunks)).to.deep.equal(linesOf(text));
      }),
    );
  });
});

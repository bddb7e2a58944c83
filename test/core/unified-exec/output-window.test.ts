import { expect } from 'chai';
import fc from 'fast-check';
import { OutputWindow } from '../../../src/core/unified-exec/output-window.ts';

const windowOf = (maxBytes: number, ...pieces: string[]): OutputWindow => {
  const window = new OutputWindow(maxBytes);
  for (const piece of pieces) window.push(Buffer.from(piece));
  return window;
};

const taken = (window: OutputWindow, maxBytes: number) => {
  const { head, tail, ...rest } = window.take(maxBytes);
  return { head: head.toString(), tail: tail.toString(), ...rest };
};

describe('OutputWindow', () => {
  it('returns all output within both limits', () => {
    expect(taken(windowOf(8, 'abc', 'de'), 8)).to.deep.equal({
      head: 'abcde',
      tail: '',
      omitted: 0,
      total: 5,
    });
  });

  it('keeps head and tail of output over its size, and counts the bytes in between', () => {
    expect(taken(windowOf(8, 'abcdefg', 'hijkl', 'm'), 8)).to.deep.equal({
      head: 'abcd',
      tail: 'jklm',
      omitted: 5,
      total: 13,
    });
  });

  it('reduces to the requested size, with an odd byte in the head', () => {
    expect(taken(windowOf(8, 'abcdefgh'), 5)).to.deep.equal({
      head: 'abc',
      tail: 'gh',
      omitted: 3,
      total: 8,
    });
    expect(taken(windowOf(8, 'abc'), 0)).to.deep.equal({ head: '', tail: '', omitted: 3, total: 3 });
  });

  it('keeps at least one byte at each end, and equally many', () => {
    expect(taken(windowOf(0, 'abc'), 8)).to.deep.equal({ head: 'a', tail: 'c', omitted: 1, total: 3 });
    expect(taken(windowOf(5, 'abcdefg'), 8)).to.deep.equal({ head: 'ab', tail: 'fg', omitted: 3, total: 7 });
  });

  it('returns no byte twice', () => {
    const window = windowOf(8, 'abcdefghijkl');
    window.take(8);
    expect(taken(window, 8)).to.deep.equal({ head: '', tail: '', omitted: 0, total: 0 });
    window.push(Buffer.from('new'));
    expect(taken(window, 8)).to.deep.equal({ head: 'new', tail: '', omitted: 0, total: 3 });
  });

  it('omits the bytes of a split character', () => {
    expect(taken(windowOf(16, 'a€€€b'), 6)).to.deep.equal({ head: 'a', tail: 'b', omitted: 9, total: 11 });
    expect(taken(windowOf(8, 'a😀😀😀😀b'), 8)).to.deep.equal({
      head: 'a',
      tail: 'b',
      omitted: 16,
      total: 18,
    });
  });

  it('keeps the first and last bytes for any pieces and any requested size', () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 });
    fc.assert(
      fc.property(pieces, fc.integer({ min: 1, max: 20 }), fc.nat({ max: 50 }), (parts, half, maxBytes) => {
        const all = Buffer.concat(parts);
        const window = new OutputWindow(2 * half);
        for (const part of parts) window.push(Buffer.from(part));
        const { head, tail, omitted, total } = window.take(maxBytes);
        expect(total).to.equal(all.length);
        expect(head.length + omitted + tail.length).to.equal(total);
        expect(head).to.deep.equal(all.subarray(0, head.length));
        expect(tail).to.deep.equal(all.subarray(all.length - tail.length));
        const wanted = Math.min(maxBytes, 2 * half, total);
        expect(head.length + tail.length).to.be.within(wanted - (omitted > 0 ? 6 : 0), wanted);
      }),
      { numRuns: 1000 },
    );
  });

  it('never returns part of a character', () => {
    const text = fc.array(fc.constantFrom('a', 'é', '€', '😀'), { maxLength: 60 });
    fc.assert(
      fc.property(
        text,
        fc.integer({ min: 4, max: 20 }),
        fc.nat({ max: 60 }),
        (characters, half, maxBytes) => {
          const window = new OutputWindow(2 * half);
          for (const character of characters) window.push(Buffer.from(character));
          const { head, tail } = window.take(maxBytes);
          expect(`${head}${tail}`).not.to.contain('\ufffd');
        },
      ),
      { numRuns: 1000 },
    );
  });
});

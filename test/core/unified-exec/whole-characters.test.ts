import { expect } from 'chai';
import fc from 'fast-check';
import {
  bytesOfCutCharacter,
  unfinishedBytes,
  WholeCharacters,
} from '../../../src/core/unified-exec/whole-characters.ts';

/** What comes out of pieces, piece by piece, and at the end. */
const passed = (pieces: readonly Uint8Array[]): Buffer[] => {
  const characters = new WholeCharacters();
  return [...pieces.map(piece => Buffer.from(characters.push(Buffer.from(piece)))), characters.end()];
};

const cutAt = (bytes: Buffer, cuts: readonly number[]): Buffer[] => {
  const places = [0, ...cuts.map(cut => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, at) => bytes.subarray(places[at], end));
};

describe('WholeCharacters', () => {
  it('holds an incomplete character back until it is complete', () => {
    expect(passed([Buffer.from([0x61, 0xe2]), Buffer.from([0x82]), Buffer.from([0xac, 0x62])])).to.deep.equal(
      [Buffer.from('a'), Buffer.from(''), Buffer.from('€b'), Buffer.from('')],
    );
  });

  it('returns an incomplete character at the end, once', () => {
    const characters = new WholeCharacters();
    characters.push(Buffer.from([0xf0, 0x9f, 0x98]));
    expect([characters.end(), characters.end()]).to.deep.equal([
      Buffer.from([0xf0, 0x9f, 0x98]),
      Buffer.from(''),
    ]);
  });

  it('does not hold back bytes that cannot become a character', () => {
    for (const bytes of [[0xff], [0x80], [0xc0], [0xf5], [0xe2, 0x28], [0xe2, 0x82, 0xac]]) {
      expect(passed([Buffer.from(bytes)])[0]).to.deep.equal(Buffer.from(bytes));
    }
  });

  it('passes on every byte in order, for any bytes and any pieces', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.array(fc.nat()), (bytes, cuts) => {
        expect(Buffer.concat(passed(cutAt(Buffer.from(bytes), cuts)))).to.deep.equal(Buffer.from(bytes));
      }),
    );
  });

  it('returns pieces that can be decoded separately, for any pieces of a text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.array(fc.nat()), (text, cuts) => {
        const wellFormed = Buffer.from(text).toString();
        expect(passed(cutAt(Buffer.from(wellFormed), cuts)).join('')).to.equal(wellFormed);
      }),
    );
  });
});

describe('unfinishedBytes', () => {
  it('counts the bytes of a character without its last ones', () => {
    const euro = Buffer.from('x€');
    const smile = Buffer.from('x😀');
    const ends = [1, 2, 3, 4].map(end => unfinishedBytes(euro.subarray(0, end)));
    expect(ends).to.deep.equal([0, 1, 2, 0]);
    expect([2, 3, 4, 5].map(end => unfinishedBytes(smile.subarray(0, end)))).to.deep.equal([1, 2, 3, 0]);
    expect(unfinishedBytes(Buffer.from(''))).to.equal(0);
  });
});

describe('bytesOfCutCharacter', () => {
  it('counts the bytes of a character without its first ones', () => {
    const smile = Buffer.from('😀x');
    expect([0, 1, 2, 3, 4].map(from => bytesOfCutCharacter(smile.subarray(from)))).to.deep.equal([
      0, 3, 2, 1, 0,
    ]);
    expect(bytesOfCutCharacter(Buffer.from(''))).to.equal(0);
  });
});

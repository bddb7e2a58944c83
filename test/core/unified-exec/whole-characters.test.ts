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
  it('holds the beginning of a character back until its end is there', () => {
    expect(passed([Buffer.from([0x61, 0xe2]), Buffer.from([0x82]), Buffer.from([0xac, 0x62])])).to.deep.equal(
      [Buffer.from('a'), Buffer.from(''), Buffer.from('€b'), Buffer.from('')],
    );
  });

  it('gives what was never finished at the end, once', () => {
    const characters = new WholeCharacters();
    characters.push(Buffer.from([0xf0, 0x9f, 0x98]));
    expect([characters.end(), characters.end()]).to.deep.equal([
      Buffer.from([0xf0, 0x9f, 0x98]),
      Buffer.from(''),
    ]);
  });

  it('holds nothing back that no more bytes can make a character', () => {
    for (const bytes of [[0xff], [0x80], [0xc0], [0xf5], [0xe2, 0x28], [0xe2, 0x82, 0xac]]) {
      expect(passed([Buffer.from(bytes)])[0]).to.deep.equal(Buffer.from(bytes));
    }
  });

  it('passes every byte on, in order, whatever the bytes and wherever they are cut', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.array(fc.nat()), (bytes, cuts) => {
        expect(Buffer.concat(passed(cutAt(Buffer.from(bytes), cuts)))).to.deep.equal(Buffer.from(bytes));
      }),
    );
  });

  it('makes pieces that can be decoded one by one, wherever a text is cut', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.array(fc.nat()), (text, cuts) => {
        const wellFormed = Buffer.from(text).toString();
        expect(passed(cutAt(Buffer.from(wellFormed), cuts)).join('')).to.equal(wellFormed);
      }),
    );
  });
});

describe('unfinishedBytes', () => {
  it('counts the bytes of a character that lacks its last ones', () => {
    const euro = Buffer.from('x€');
    const smile = Buffer.from('x😀');
    const ends = [1, 2, 3, 4].map(end => unfinishedBytes(euro.subarray(0, end)));
    expect(ends).to.deep.equal([0, 1, 2, 0]);
    expect([2, 3, 4, 5].map(end => unfinishedBytes(smile.subarray(0, end)))).to.deep.equal([1, 2, 3, 0]);
    expect(unfinishedBytes(Buffer.from(''))).to.equal(0);
  });
});

describe('bytesOfCutCharacter', () => {
  it('counts the bytes of a character that lacks its first ones', () => {
    const smile = Buffer.from('😀x');
    expect([0, 1, 2, 3, 4].map(from => bytesOfCutCharacter(smile.subarray(from)))).to.deep.equal([
      0, 3, 2, 1, 0,
    ]);
    expect(bytesOfCutCharacter(Buffer.from(''))).to.equal(0);
  });
});

import { expect } from 'chai';
import { codePointLength, foldCase } from '../../src/shared-config/fold-case.ts';

describe('foldCase', () => {
  it('makes names equal that differ by case only', () => {
    expect(['Path', 'PATH', 'pAtH'].map(foldCase)).to.deep.equal(['PATH', 'PATH', 'PATH']);
  });

  it('knows case beyond ASCII and beyond the first plane', () => {
    expect(['ä', 'ж', '𐐨'].map(foldCase)).to.deep.equal(['Ä', 'Ж', '𐐀']);
  });

  it('leaves a character alone whose upper case is several, and still folds the rest', () => {
    expect(['ß', 'straße', 'ŉo'].map(foldCase)).to.deep.equal(['ß', 'STRAßE', 'ŉO']);
  });

  it('keeps an unpaired surrogate', () => {
    expect(foldCase('a\ud800ß')).to.equal('A\ud800ß');
  });

  it('takes every code point to exactly one, which folds to itself, and is the same inside a longer name', () => {
    const wrong: number[] = [];
    for (let code = 0; code <= 0x10ffff; code += 1) {
      const folded = foldCase(String.fromCodePoint(code));
      const single = codePointLength(folded, 0) === folded.length;
      if (!single || foldCase(folded) !== folded) wrong.push(code);
      if (foldCase(`a${String.fromCodePoint(code)}z`) !== `A${folded}Z`) wrong.push(code);
    }
    expect(wrong).to.deep.equal([]);
  });
});

describe('codePointLength', () => {
  it('counts two for a pair of surrogates and one for anything else', () => {
    expect(['a', '€', '😀', '\ud83d', '\ude00'].map(text => codePointLength(text, 0))).to.deep.equal([
      1, 1, 2, 1, 1,
    ]);
  });
});

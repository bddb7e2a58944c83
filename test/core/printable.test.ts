import { expect } from 'chai';
import fc from 'fast-check';
import { printable, printableJson, printableLine, printableQuoted } from '../../src/core/printable.ts';

/** Characters that must never reach a terminal: control characters except line feeds and tabs, invisible characters. */
const HIDDEN = /(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const UNTOUCHED = 'bash: "x\\y":\tnot found ☃ Grüße 🍺 日本語 ❤\ufe0f';

describe('printableQuoted', () => {
  const cases: Array<[text: string, shown: string]> = [
    ['Beer\n', 'Beer\\n'],
    ['a\r\tb', 'a\\r\\tb'],
    ['\x1b[31mred\x1b[0m', '\\u001b[31mred\\u001b[0m'],
    ['say "hi" \\o/', 'say \\"hi\\" \\\\o/'],
    ['\x00\x07\x7f\x9b', '\\u0000\\u0007\\u007f\\u009b'],
    ['a\u202eb\u2028c\ufeff', 'a\\u202eb\\u2028c\\ufeff'],
    ['Grüße ☃ 🍺', 'Grüße ☃ 🍺'],
  ];
  for (const [text, shown] of cases) {
    it(`returns ${shown}`, () => {
      expect(printableQuoted(text)).to.equal(shown);
    });
  }

  it('loses nothing: JSON.parse restores the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        expect(printableQuoted(text)).not.to.match(HIDDEN);
        expect(JSON.parse(`"${printableQuoted(text)}"`)).to.equal(text);
      }),
    );
  });
});

describe('printable', () => {
  const cases: Array<[title: string, text: string, shown: string]> = [
    ['C0', '\x00\x07\x1b[2J\r', '\\u0000\\u0007\\u001b[2J\\u000d'],
    ['DEL and C1', '\x7f\x80\x9b\x9f', '\\u007f\\u0080\\u009b\\u009f'],
    [
      'bidirectional marks',
      '\u200e\u200f\u061c\u202a\u202e\u2066\u2069',
      '\\u200e\\u200f\\u061c\\u202a\\u202e\\u2066\\u2069',
    ],
    [
      'zero-width characters',
      '\u200b\u200d\u2060\ufeff\u00ad\u3164',
      '\\u200b\\u200d\\u2060\\ufeff\\u00ad\\u3164',
    ],
    ['separators', '\u2028\u2029', '\\u2028\\u2029'],
    ['lone surrogates', '\ud800x\udc00', '\\ud800x\\udc00'],
    ['tags', '\u{e0041}', '\\udb40\\udc41'],
  ];
  for (const [title, text, shown] of cases) {
    it(`escapes ${title}`, () => {
      expect([printable(text), printableLine(text)]).to.deep.equal([shown, shown]);
    });
  }

  it('leaves other text unchanged', () => {
    expect([printable(UNTOUCHED), printableLine(UNTOUCHED)]).to.deep.equal([UNTOUCHED, UNTOUCHED]);
  });

  it('keeps line feeds, which printableLine escapes', () => {
    expect([printable('a\n\tb'), printableLine('a\n\tb')]).to.deep.equal(['a\n\tb', 'a\\u000a\tb']);
  });

  it('leaves no unsafe character, and is idempotent', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        expect(printable(text)).not.to.match(HIDDEN);
        expect(printableLine(text)).not.to.match(HIDDEN).and.not.to.contain('\n');
        expect(printable(printable(text))).to.equal(printable(text));
      }),
    );
  });
});

describe('printableJson', () => {
  it('is one line of ASCII controls escaped, with the same value', () => {
    const value = { 'a\x9b': ['\u202e', '\x7f\\\u2028"', '\u{e0041}'], n: 1, x: UNTOUCHED };
    expect(printableJson(value)).not.to.match(HIDDEN).and.not.to.contain('\n');
    expect(JSON.parse(printableJson(value))).to.deep.equal(value);
  });

  it('preserves every value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), value => {
        expect(printableJson(value)).not.to.match(HIDDEN);
        expect(JSON.parse(printableJson(value))).to.deep.equal(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { escaped, visibleLine } from '../../src/core/visible-text.ts';

const HIDDEN = /[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u;

describe('escaped', () => {
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
    it(`shows ${shown}`, () => {
      expect(escaped(text)).to.equal(shown);
    });
  }

  it('hides nothing, and can be read back as JSON', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        expect(escaped(text)).not.to.match(HIDDEN);
        expect(JSON.parse(`"${escaped(text)}"`)).to.equal(text);
      }),
    );
  });
});

describe('visibleLine', () => {
  it('leaves what people write as it is', () => {
    expect(visibleLine('bash: "x\\y":\tnot found ☃')).to.equal('bash: "x\\y":\tnot found ☃');
  });

  it('shows what would change a terminal', () => {
    expect(visibleLine('\x1b]0;title\x07\x1b[2J\r\u202e')).to.equal(
      '\\u001b]0;title\\u0007\\u001b[2J\\u000d\\u202e',
    );
  });
});

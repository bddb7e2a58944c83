import { expect } from 'chai';
import { keyText, pathText } from '../../src/codex-config/toml-key.ts';

describe('pathText', () => {
  it('writes keys with dots and indices in brackets', () => {
    expect(pathText(['environments', 1, 'args', 0])).to.equal('environments[1].args[0]');
    expect(pathText(['a', 'b c', 'd.e', 'f-g_1'])).to.equal('a."b c"."d.e".f-g_1');
  });
});

describe('keyText', () => {
  const shown: Array<[key: string, text: string]> = [
    ['', '""'],
    ['ä', '"ä"'],
    ['a"b\\', '"a\\"b\\\\"'],
    ['\x1b[31m\n', '"\\u001b[31m\\n"'],
    ['k'.repeat(80), 'k'.repeat(80)],
    ['k'.repeat(81), `"${'k'.repeat(80)}…"`],
    [' '.repeat(81), `"${' '.repeat(80)}…"`],
  ];
  for (const [key, text] of shown) {
    it(`writes ${JSON.stringify(key.slice(0, 10))} of ${key.length} as TOML does, in one line and not too long`, () => {
      expect(keyText(key)).to.equal(text);
    });
  }

  it('cuts between characters, not within one', () => {
    expect(keyText(`${'k'.repeat(79)}😀😀😀`)).to.equal(`"${'k'.repeat(79)}😀…"`);
    expect(keyText('😀'.repeat(81))).to.equal(`"${'😀'.repeat(80)}…"`);
    expect(keyText('😀'.repeat(80))).to.equal(`"${'😀'.repeat(80)}"`);
  });
});

import { expect } from 'chai';
import { paintFor, renderSpans } from '../../src/cli/spans.ts';

describe('paintFor', () => {
  it('paints on a terminal', () => {
    const paint = paintFor({ isTTY: true }, {});
    expect([paint('bold', 'A'), paint('red', 'B')]).to.deep.equal(['\x1b[1mA\x1b[0m', '\x1b[31mB\x1b[0m']);
  });

  it('paints nothing elsewhere', () => {
    for (const isTTY of [false, undefined]) {
      expect(paintFor({ isTTY } as { isTTY: boolean }, {})('red', 'A')).to.equal('A');
    }
  });

  it('paints nothing for who refuses colours, and empty is no refusal', () => {
    const painted = (NO_COLOR: string) => paintFor({ isTTY: true }, { NO_COLOR })('green', 'A');
    expect([painted('1'), painted('0'), painted('')]).to.deep.equal(['A', 'A', '\x1b[32mA\x1b[0m']);
  });
});

describe('renderSpans', () => {
  it('colours by its own escape sequences, and escapes those in the text', () => {
    const hostile = '\x1b[2J\u202e\n';
    expect(renderSpans([hostile, { colour: 'red', text: hostile }], paintFor({ isTTY: true }, {}))).to.equal(
      '\\u001b[2J\\u202e\n\x1b[31m\\u001b[2J\\u202e\n\x1b[0m',
    );
  });
});

import { expect } from 'chai';
import { renderSpans } from '../../src/cli/spans.ts';

describe('renderSpans', () => {
  it('colours spans on request only', () => {
    const spans = ['a', { colour: 'red' as const, text: 'b' }, { colour: 'bold' as const, text: 'c' }];
    expect([renderSpans(spans, true), renderSpans(spans, false)]).to.deep.equal([
      'a\x1b[31mb\x1b[39m\x1b[1mc\x1b[22m',
      'abc',
    ]);
  });

  it('escapes control characters of the text', () => {
    const hostile = '\x1b[2J\u202e\n';
    expect(renderSpans([hostile, { colour: 'red', text: hostile }], true)).to.equal(
      '\\u001b[2J\\u202e\n\x1b[31m\\u001b[2J\\u202e\n\x1b[39m',
    );
  });
});

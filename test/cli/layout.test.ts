import { expect } from 'chai';
import { rowSpans, tableSpans, wrap } from '../../src/cli/layout.ts';
import { renderSpans } from '../../src/cli/spans.ts';

describe('tableSpans', () => {
  it('pads each column to its longest cell, coloured or not, but not the last cell of a row', () => {
    const spans = tableSpans([
      ['A', { colour: 'red', text: 'B' }, 'C'],
      ['long', 'longer', ''],
      ['', { colour: 'red', text: 'b' }, ''],
    ]);
    expect(renderSpans(spans, false)).to.equal('A     B       C\nlong  longer\n      b\n');
    expect(renderSpans(spans, true)).to.contain('\x1b[31mB     \x1b[39m  C');
  });

  it('has no lines without rows', () => {
    expect(tableSpans([])).to.deep.equal([]);
  });
});

describe('rowSpans', () => {
  it('keeps cells that are longer than their column', () => {
    expect(renderSpans(rowSpans(['longer', 'b', 'c'], [2, 3]), false)).to.equal('longer  b    c\n');
  });
});

describe('wrap', () => {
  it('fills lines up to the width', () => {
    expect(wrap(['aa', 'bb', 'cc', 'd'], ', ', 6)).to.deep.equal(['aa, bb', 'cc, d']);
  });

  it('gives a longer part a line of its own', () => {
    expect(wrap(['a', 'longer', 'b'], ' ', 3)).to.deep.equal(['a', 'longer', 'b']);
  });

  it('has no lines without parts', () => {
    expect(wrap([], ' ', 3)).to.deep.equal([]);
  });
});

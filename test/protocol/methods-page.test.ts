import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { COMMAND, methodsPage, PAGE } from '../../scripts/methods-page.ts';

describe('docs/methods.md', () => {
  it('is what the declarations say', () => {
    expect(
      readFileSync(PAGE, 'utf8').replaceAll('\r\n', '\n') === methodsPage(),
      `docs/methods.md is stale; run: ${COMMAND}`,
    ).to.equal(true);
  });

  it('gives every field a meaning', () => {
    const rows = methodsPage().match(/^\| `.*$/gm) ?? [];
    expect(rows.length).to.be.above(40);
    expect(rows.filter(row => /\| +\|$/.test(row))).to.deep.equal([]);
  });
});

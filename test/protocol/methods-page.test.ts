import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { COMMAND, methodsPage, PAGE } from '../../scripts/methods-page.ts';

describe('docs/methods.md', () => {
  it('is generated from the declarations', () => {
    expect(
      readFileSync(PAGE, 'utf8').replaceAll('\r\n', '\n') === methodsPage(),
      `docs/methods.md is stale; run: ${COMMAND}`,
    ).to.equal(true);
  });

  it('describes every field', () => {
    const rows = methodsPage().match(/^\| `.*$/gm) ?? [];
    expect(rows.length).to.be.above(40);
    expect(rows.filter(row => /\| +\|$/.test(row))).to.deep.equal([]);
  });
});

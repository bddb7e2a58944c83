import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect } from 'chai';
import { COMMAND, methodsPage, PAGE, SCHEMA } from '../../scripts/methods-page.ts';
import { schemaText } from '../../src/protocol/json-schema.ts';

describe('docs/schema.json', () => {
  it('is generated from the declarations', () => {
    expect(
      readFileSync(SCHEMA, 'utf8').replaceAll('\r\n', '\n') === schemaText(),
      `docs/schema.json is stale; run: ${COMMAND}`,
    ).to.equal(true);
  });

  it('is exported by the package', () => {
    const schema = createRequire(import.meta.url)('exec-server/schema.json');
    expect(Object.keys(schema.$defs)).to.include.members(['ClientMessage', 'ServerMessage', 'Requests']);
  });
});

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

import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { COMMAND, cliPage, PAGE } from '../../scripts/cli-page.ts';
import { commandReferences } from '../../scripts/cli-reference.ts';

describe('docs/cli.md', () => {
  it('is generated from the declarations', () => {
    expect(
      readFileSync(PAGE, 'utf8').replaceAll('\r\n', '\n') === cliPage(),
      `docs/cli.md is stale; run: ${COMMAND}`,
    ).to.equal(true);
  });
});

describe('the reference of the command line', () => {
  for (const { path, exitCodes, examples, optionGroups, operands } of commandReferences()) {
    it(`has exit codes, examples and a meaning for each word of ${path}`, () => {
      expect(exitCodes.map(([code]) => code)).to.include.members(
        [0, 2].filter(code => path !== 'exec-server run' || code === 2),
      );
      expect(examples).not.to.deep.equal([]);
      expect(examples.filter(({ command }) => !command.includes(path))).to.deep.equal([]);
      const entries = [...operands, ...optionGroups.flatMap(({ options }) => options)];
      expect(entries.filter(([, text]) => text === '')).to.deep.equal([]);
    });
  }
});

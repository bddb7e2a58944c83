import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { checkNames } from '../../../src/cli/doctor/finding.ts';
import { likelyCauseKinds } from '../../../src/core/likely-cause.ts';

const page = readFileSync(new URL('../../../docs/doctor.md', import.meta.url), 'utf8');

/** First column of the table under a heading. */
const namesUnder = (heading: string): string[] => {
  const [, section = ''] = page.split(`\n## ${heading}\n`);
  return Array.from(
    (section.split('\n## ')[0] ?? '').matchAll(/^\| `(\w+)` +\|/gm),
    ([, name = '']) => name,
  ).slice(1);
};

describe('docs/doctor.md', () => {
  it('lists each check in order', () => {
    expect(namesUnder('Checks')).to.deep.equal([...checkNames]);
  });

  it('lists each likely cause, and no other', () => {
    expect(namesUnder('Likely causes')).to.deep.equal([...likelyCauseKinds]);
  });
});

import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { checkNames } from '../../../src/cli/doctor/finding.ts';
import { likelyCauseKinds } from '../../../src/core/likely-cause.ts';

const page = readFileSync(new URL('../../../docs/doctor.md', import.meta.url), 'utf8');

/** What the first column of the table under a heading has, in order. */
const namesUnder = (heading: string): string[] => {
  const [, section = ''] = page.split(`\n## ${heading}\n`);
  return Array.from(
    (section.split('\n## ')[0] ?? '').matchAll(/^\| `(\w+)` +\|/gm),
    ([, name = '']) => name,
  ).slice(1);
};

describe('docs/doctor.md', () => {
  it('explains each finding, in the order of the page', () => {
    expect(namesUnder('The findings')).to.deep.equal([...checkNames]);
  });

  it('explains each likely cause, and no other', () => {
    expect(namesUnder('No connection')).to.deep.equal([...likelyCauseKinds]);
  });
});

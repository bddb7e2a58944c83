import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { manPages } from '../../scripts/man-pages.ts';
import { skipUnavailable } from '../support/skip-unavailable.ts';

describe('the man pages', () => {
  it('are those that package.json installs', () => {
    const { man } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(manPages().map(({ file }) => `dist/man/${file}`)).to.have.members(man);
  });

  for (const { file, text } of manPages()) {
    it(`have no mistakes that groff finds in ${file}`, function () {
      const { error, stdout, stderr } = spawnSync('groff', ['-man', '-ww', '-Tascii', '-P-cbou'], {
        input: text,
        encoding: 'utf8',
      });
      if (error) skipUnavailable(this, 'groff is not installed');
      expect(stderr).to.equal('');
      for (const heading of ['NAME', 'SYNOPSIS', 'DESCRIPTION', 'OPTIONS', 'EXIT STATUS', 'EXAMPLES']) {
        expect(stdout).to.match(new RegExp(`^${heading}$`, 'm'));
      }
    });
  }

  it('show quotes, backslashes and dots as they are typed', () => {
    const run = manPages().find(({ file }) => file === 'exec-server-run.1');
    expect(run?.text).to.contain('\\-\\- \\(aqgit log | head\\(aq');
    expect(run?.text).not.to.match(/^'|^\.(?![A-Z]{2}|nf$|fi$)/m);
  });
});

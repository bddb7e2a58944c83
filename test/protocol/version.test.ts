import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { version } from '../../src/protocol/version.ts';

describe('version', () => {
  it('is the version in package.json', () => {
    const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(version).to.equal(manifest.version);
  });
});

import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { holdPaths, releasePaths } from '../../../src/server/sandbox/held-paths.ts';

describe('holdPaths', () => {
  let base: string;

  before(function () {
    if (process.platform !== 'linux') this.skip();
  });

  beforeEach(() => {
    base = realpathSync(mkdtempSync(join(tmpdir(), 'held-paths-test-')));
    mkdirSync(join(base, 'a/b'), { recursive: true });
    symlinkSync('a', join(base, 'link'));
  });

  afterEach(() => {
    if (base !== undefined) rmSync(base, { recursive: true });
  });

  const open = () => readdirSync('/proc/self/fd').length;

  it('opens places until they are released', () => {
    const before = open();
    const held = holdPaths(['/', join(base, 'a'), join(base, 'a/b'), '/dev/null']);
    expect(held.map(({ path, isDirectory }) => [path, isDirectory])).to.deep.equal([
      ['/', true],
      [join(base, 'a'), true],
      [join(base, 'a/b'), true],
      ['/dev/null', false],
    ]);
    expect(new Set(held.map(({ identity }) => identity)).size).to.equal(4);
    expect(open()).to.equal(before + 4);
    releasePaths(held);
    expect(open()).to.equal(before);
  });

  for (const [title, path, errno] of [
    ['a path that leads through a link', 'link/b', 'ELOOP'],
    ['a link', 'link', 'ELOOP'],
    ['a place that is gone', 'c', 'ENOENT'],
  ] as const) {
    it(`refuses ${title}, and leaves nothing open`, () => {
      const before = open();
      expect(() => holdPaths([base, join(base, path)]))
        .to.throw(join(base, path))
        .with.property('data')
        .that.deep.equals({ kind: 'launchFailed', stage: 'sandbox', errno, path: join(base, path) });
      expect(open()).to.equal(before);
    });
  }
});

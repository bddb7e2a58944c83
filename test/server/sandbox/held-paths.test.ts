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

  const openCount = () => readdirSync('/proc/self/fd').length;

  it('holds paths open until they are released', () => {
    const before = openCount();
    const held = holdPaths(['/', join(base, 'a'), join(base, 'a/b'), '/dev/null']);
    expect(held.map(({ path, isDirectory }) => [path, isDirectory])).to.deep.equal([
      ['/', true],
      [join(base, 'a'), true],
      [join(base, 'a/b'), true],
      ['/dev/null', false],
    ]);
    expect(new Set(held.map(({ identity }) => identity)).size).to.equal(4);
    expect(openCount()).to.equal(before + 4);
    releasePaths(held);
    expect(openCount()).to.equal(before);
  });

  for (const [title, path, errno] of [
    ['a path that leads through a link', 'link/b', 'ELOOP'],
    ['a link', 'link', 'ELOOP'],
    ['a path that is gone', 'c', 'ENOENT'],
  ] as const) {
    it(`refuses ${title}, and leaves nothing open`, () => {
      const before = openCount();
      expect(() => holdPaths([base, join(base, path)]))
        .to.throw(join(base, path))
        .with.property('data')
        .that.deep.equals({ kind: 'launchFailed', stage: 'sandbox', errno, path: join(base, path) });
      expect(openCount()).to.equal(before);
    });
  }
});

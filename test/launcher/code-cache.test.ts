import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { CodeCache, cacheDirectory, MAX_CACHED_PROGRAMS } from '../../src/launcher/code-cache.ts';

describe('CodeCache', () => {
  let root: string;
  let directory: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'code-cache-'));
    directory = join(root, 'not', 'yet', 'there');
  });

  afterEach(() => rmSync(root, { recursive: true }));

  const code = Buffer.from('code');

  it('gives back what was kept under the same name, and nothing else', () => {
    new CodeCache(directory, 'one').write(code);
    expect(new CodeCache(directory, 'one').read()).to.deep.equal(code);
    expect(new CodeCache(directory, 'other').read()).to.equal(undefined);
  });

  it('replaces what was kept, and leaves no other file', () => {
    const cache = new CodeCache(directory, 'one');
    cache.write(Buffer.from('older and longer'));
    cache.write(code);
    expect([cache.read(), readdirSync(directory)]).to.deep.equal([code, ['one.code']]);
  });

  it('lets nobody else look at it or change it', () => {
    new CodeCache(directory, 'one').write(code);
    const modes = [directory, join(directory, 'one.code')].map(path => statSync(path).mode & 0o777);
    expect(modes).to.deep.equal([0o700, 0o600]);
  });

  for (const mode of [0o620, 0o602]) {
    it(`takes no file of mode ${mode.toString(8)}, which others can write`, () => {
      const cache = new CodeCache(directory, 'one');
      cache.write(code);
      chmodSync(join(directory, 'one.code'), mode);
      expect(cache.read()).to.equal(undefined);
    });
  }

  it('takes no file of somebody else', function () {
    const others = '/etc/passwd';
    if (statSync(others).uid === process.getuid?.()) this.skip();
    new CodeCache(directory, 'one').write(code);
    rmSync(join(directory, 'one.code'));
    symlinkSync(others, join(directory, 'one.code'));
    expect(new CodeCache(directory, 'one').read()).to.equal(undefined);
  });

  it('keeps nothing where it can not, and says nothing', () => {
    writeFileSync(join(root, 'file'), '');
    const cache = new CodeCache(join(root, 'file', 'below'), 'one');
    cache.write(code);
    expect([cache.read(), readdirSync(root)]).to.deep.equal([undefined, ['file']]);
  });

  it('removes the code of other programs when there are too many, and nothing that is not its own', () => {
    for (let count = 0; count <= MAX_CACHED_PROGRAMS; count += 1) {
      new CodeCache(directory, `program-${count}`).write(code);
    }
    writeFileSync(join(directory, 'something else'), '');
    new CodeCache(directory, 'last').write(code);
    expect(readdirSync(directory).filter(name => name.endsWith('.code'))).to.have.lengthOf.at.most(
      MAX_CACHED_PROGRAMS + 1,
    );
    expect(readdirSync(directory)).to.include.members(['last.code', 'something else']);
  });
});

describe('cacheDirectory', () => {
  const cases: Array<[env: NodeJS.ProcessEnv, expected: string | undefined]> = [
    [{ HOME: '/home/me' }, '/home/me/.cache/exec-server'],
    [{ HOME: '/home/me', XDG_CACHE_HOME: '/cache' }, '/cache/exec-server'],
    [{ HOME: '/home/me', XDG_CACHE_HOME: 'relative' }, '/home/me/.cache/exec-server'],
    [{ HOME: '' }, undefined],
    [{ HOME: 'relative' }, undefined],
    [{}, undefined],
    [{ HOME: '/home/me', NODE_DISABLE_COMPILE_CACHE: '1' }, undefined],
  ];
  for (const [env, expected] of cases) {
    it(`is ${expected} with ${JSON.stringify(env)}`, () => {
      expect(cacheDirectory(env)).to.equal(expected);
    });
  }
});

import { existsSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { followed } from '../../../src/server/files/place.ts';
import { remove } from '../../../src/server/files/remove.ts';
import { hasDescriptorPaths } from '../../../src/system/descriptor-path.ts';
import { between } from './support/between.ts';
import { paths, refusal, scratchDirectory } from './support/scratch.ts';

describe('remove', () => {
  before(function () {
    if (process.platform === 'win32') this.skip();
  });

  const { at } = scratchDirectory();
  const all = { recursive: true, force: true };

  const go = (name: string, signal = new AbortController().signal) =>
    remove(followed(at(name), paths), all, { paths, signal });

  it('removes a tree with links, names that are not UTF-8 and many entries', async () => {
    mkdirSync(at('d/sub/empty'), { recursive: true });
    symlinkSync('/etc', at('d/sub/link'));
    writeFileSync(Buffer.concat([Buffer.from(at('d/')), Buffer.from([0xff])]), '');
    for (let index = 0; index < 1500; index += 1) writeFileSync(at(`d/sub/${index}`), '');
    await go('d');
    expect([existsSync(at('d')), existsSync('/etc/passwd')]).to.deep.equal([false, true]);
  });

  it('removes a tree that is deeper than the longest path', async function () {
    if (!hasDescriptorPaths()) this.skip();
    const name = 'x'.repeat(200);
    mkdirSync(at('d'));
    const here = process.cwd();
    try {
      // The longest path has 4,096 bytes.
      process.chdir(at('d'));
      for (let depth = 0; depth < 100; depth += 1) {
        mkdirSync(name);
        writeFileSync('f', '');
        process.chdir(name);
      }
    } finally {
      process.chdir(here);
    }
    await go('d');
    expect(readdirSync(at())).to.deep.equal([]);
  });

  // A removal checks the signal between two batches of files.
  const NAMES = Array.from({ length: 20 }, (_, index) => `f${index}`);
  const isBegun = (directory: string) => () => readdirSync(at(directory)).length < NAMES.length;

  for (const depth of [1, 40]) {
    it(`removes nothing through a link that replaces a directory at depth ${depth}`, async function () {
      if (!hasDescriptorPaths()) this.skip();
      const sub = `d${'/sub'.repeat(depth)}`;
      for (const directory of [sub, 'theirs']) {
        mkdirSync(at(directory), { recursive: true });
        for (const name of NAMES) writeFileSync(at(`${directory}/${name}`), '');
      }
      const swap = () => {
        renameSync(at(sub), at('moved'));
        symlinkSync(at('theirs'), at(sub));
      };
      await go('d', between(isBegun(sub), swap));
      expect(['', 'moved', 'theirs'].map(name => readdirSync(at(name)).sort())).to.deep.equal([
        ['moved', 'theirs'],
        [],
        [...NAMES].sort(),
      ]);
    });
  }

  it('stops if a directory was moved that is no longer held open', async function () {
    if (!hasDescriptorPaths()) this.skip();
    const sub = (depth: number) => `d${'/sub'.repeat(depth)}`;
    mkdirSync(at(sub(40)), { recursive: true });
    mkdirSync(at('theirs'));
    writeFileSync(at('theirs/kept'), '');
    for (const name of NAMES) writeFileSync(at(`${sub(40)}/${name}`), '');
    const move = () => renameSync(at(sub(5)), at('theirs/sub'));
    expect(await refusal(go('d', between(isBegun(sub(40)), move)))).to.deep.equal({
      code: -32603,
      kind: 'fileError',
      errno: 'EBUSY',
      path: paths.uri(at(sub(4))),
    });
    expect(readdirSync(at('theirs/sub'))).to.deep.equal([]);
    expect(readdirSync(at('theirs')).sort()).to.deep.equal(['kept', 'sub']);
  });
});

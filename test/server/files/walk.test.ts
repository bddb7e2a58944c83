import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { type WalkOptions, walk } from '../../../src/server/files/walk.ts';
import { paths, refusal, scratchDirectory } from './support/scratch.ts';

const full: WalkOptions = {
  maxDepth: 64,
  maxDirectories: 10_000,
  maxEntries: 50_000,
  followDirectorySymlinks: false,
  pruneHiddenDirectories: false,
  allKinds: false,
};

describe('walk', () => {
  before(function () {
    if (process.platform === 'win32') this.skip();
  });

  const { at } = scratchDirectory();
  const running = new AbortController().signal;

  const go = (options: Partial<WalkOptions> = {}, root = '', maxBytes = 1e6) =>
    walk(at(root), { ...full, ...options }, { paths, maxBytes, signal: running });

  /** What was listed, as paths from the root of the test, directories with a / at their end. */
  const listed = async (options: Partial<WalkOptions> = {}, root = '', maxBytes = 1e6) => {
    const { entries, errors, truncated } = await go(options, root, maxBytes);
    expect(errors).to.deep.equal([]);
    const start = paths.uri(at()).length + 1;
    return [
      ...entries.map(({ path, kind }) => path.slice(start) + (kind === 'directory' ? '/' : '')),
      ...(truncated ? ['…'] : []),
    ];
  };

  const make = (...names: string[]) => {
    for (const name of names) {
      if (name.endsWith('/')) mkdirSync(at(name), { recursive: true });
      else writeFileSync(at(name), '');
    }
  };

  it('lists level by level, each directory in the order of the bytes of the names', async () => {
    make('b/', 'a/', 'a/z/', 'a/b', 'b/a', 'a/z/deep', 'Z', 'ä', '😀', '\uffff');
    expect(await listed()).to.deep.equal([
      'Z',
      'a/',
      'b/',
      '%C3%A4',
      '%EF%BF%BF',
      '%F0%9F%98%80',
      'a/b',
      'a/z/',
      'b/a',
      'a/z/deep',
    ]);
  });

  it('stops at maxDepth, which does not count as truncated', async () => {
    make('a/', 'a/b/', 'a/b/c');
    expect([await listed({ maxDepth: 0 }), await listed({ maxDepth: 1 })]).to.deep.equal([
      ['a/'],
      ['a/', 'a/b/'],
    ]);
  });

  it('stops at maxDirectories and maxEntries, and reports that it is truncated', async () => {
    make('a/', 'a/x', 'b/', 'b/y', 'c');
    symlinkSync('c', at('aa'));
    expect([
      await listed({ maxDirectories: 1 }),
      await listed({ maxDirectories: 2 }),
      await listed({ maxDirectories: 3 }),
      await listed({ maxEntries: 1 }),
      // The link counts, though it isn't listed.
      await listed({ maxEntries: 2 }),
      await listed({ maxEntries: 5 }),
      await listed({ maxEntries: 6 }),
    ]).to.deep.equal([
      ['a/', 'b/', 'c', '…'],
      ['a/', 'b/', 'c', 'a/x', '…'],
      ['a/', 'b/', 'c', 'a/x', 'b/y'],
      ['a/', '…'],
      ['a/', '…'],
      ['a/', 'b/', 'c', 'a/x', '…'],
      ['a/', 'b/', 'c', 'a/x', 'b/y'],
    ]);
  });

  it('lists hidden directories without entering them with pruneHiddenDirectories', async () => {
    make('.git/', '.git/config', '.hidden', 'a/', 'a/.b/', 'a/.b/c');
    expect(await listed({ pruneHiddenDirectories: true })).to.deep.equal(['.git/', '.hidden', 'a/', 'a/.b/']);
    // The root is entered whatever its name.
    expect(await listed({ pruneHiddenDirectories: true }, '.git')).to.deep.equal(['.git/config']);
  });

  it('is truncated where the answer would be too long', async () => {
    make('a', 'b', 'c');
    const each = paths.uri(at('a')).length + 64;
    expect([await listed({}, '', 2 * each), await listed({}, '', 3 * each)]).to.deep.equal([
      ['a', 'b', '…'],
      ['a', 'b', 'c'],
    ]);
  });

  it('skips links and special files unless allKinds is set', async () => {
    make('d/', 'd/f');
    symlinkSync('d', at('to-directory'));
    symlinkSync('d/f', at('to-file'));
    symlinkSync('nowhere', at('to-nothing'));
    expect(await listed()).to.deep.equal(['d/', 'd/f']);
    const { entries } = await go({ allKinds: true });
    expect(entries.map(({ kind }) => kind)).to.deep.equal([
      'directory',
      'symlink',
      'symlink',
      'symlink',
      'file',
    ]);
  });

  it('enters links to directories with followDirectorySymlinks, each directory once', async () => {
    make('d/', 'd/f', 'e/');
    symlinkSync('..', at('d/up'));
    symlinkSync('../d', at('e/to-d'));
    symlinkSync('loop', at('loop'));
    expect(await listed({ followDirectorySymlinks: true }, 'd')).to.deep.equal([
      'd/f',
      'd/up/',
      'd/up/d/',
      'd/up/e/',
      'd/up/e/to-d/',
    ]);
  });

  it('enters a root that is a link only with followDirectorySymlinks', async () => {
    make('d/', 'd/f');
    symlinkSync('d', at('link'));
    expect([await listed({}, 'link'), await listed({ followDirectorySymlinks: true }, 'link')]).to.deep.equal(
      [[], ['link/f']],
    );
  });

  it('lists nothing for a file, and fails for a missing root', async () => {
    make('f');
    expect(await listed({}, 'f')).to.deep.equal([]);
    expect(await refusal(go({}, 'missing'))).to.include({ code: -32004, errno: 'ENOENT' });
  });

  it('returns names that are not UTF-8 byte for byte', async () => {
    mkdirSync(Buffer.concat([Buffer.from(at('a')), Buffer.from([0xff])]));
    writeFileSync(Buffer.concat([Buffer.from(at('a')), Buffer.from([0xff, 0x2f, 0xfe])]), '');
    expect(await listed()).to.deep.equal(['a%FF/', 'a%FF/%FE']);
  });

  it('aborts with the reason of the signal', async () => {
    make('d/');
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    const stopped = walk(at(), full, { paths, maxBytes: 1e6, signal });
    expect(await stopped.catch(error => error)).to.equal(reason);
  });

  const bounds: Array<[option: keyof WalkOptions, value: number, min: number, max: number]> = [
    ['maxDepth', 65, 0, 64],
    ['maxDirectories', 0, 1, 10_000],
    ['maxDirectories', 10_001, 1, 10_000],
    ['maxEntries', 0, 1, 50_000],
    ['maxEntries', 50_001, 1, 50_000],
  ];
  for (const [option, value, min, max] of bounds) {
    it(`refuses ${option} ${value}`, async () => {
      expect(await refusal(go({ [option]: value }))).to.deep.equal({
        code: -32600,
        kind: 'outOfRange',
        field: `options.${option}`,
        current: value,
        min,
        max,
      });
    });
  }
});

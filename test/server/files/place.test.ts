import { existsSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { createDirectory } from '../../../src/server/files/create-directory.ts';
import { atPlace, type Place } from '../../../src/server/files/place.ts';
import { readWholeFile } from '../../../src/server/files/read-file.ts';
import { remove } from '../../../src/server/files/remove.ts';
import { writeWholeFile } from '../../../src/server/files/write-file.ts';
import { hasDescriptorPaths } from '../../../src/system/descriptor-path.ts';
import { paths, refusal, scratchDirectory } from './support/scratch.ts';

describe('atPlace', () => {
  before(function () {
    if (!hasDescriptorPaths()) this.skip();
  });

  const { at } = scratchDirectory();

  beforeEach(() => {
    for (const directory of ['dir/sub', 'theirs']) {
      mkdirSync(at(directory), { recursive: true });
      writeFileSync(at(`${directory}/f`), directory);
    }
  });

  /** Replaces the directory of the file by a link once the path has been resolved. */
  const swapped = <Result>(act: (place: Place) => Promise<Result>): Promise<Result> =>
    atPlace(at('dir/sub/f'), { followSymlinks: false }, paths, place => {
      renameSync(at('dir/sub'), at('moved'));
      symlinkSync(at('theirs'), at('dir/sub'));
      return act(place);
    });

  const contents = () => ['moved/f', 'theirs/f'].map(name => readFileSync(at(name), 'utf8'));

  it('reads the file in the directory that was resolved, not where a later link leads', async () => {
    expect(String(await swapped(place => readWholeFile(place, 100)))).to.equal('dir/sub');
  });

  for (const atomic of [false, true]) {
    it(`writes it there${atomic ? ', also atomically' : ''}`, async () => {
      await swapped(place => writeWholeFile(place, Buffer.from('new'), { atomic }, paths));
      expect(contents()).to.deep.equal(['new', 'theirs']);
    });
  }

  it('removes it there', async () => {
    const { signal } = new AbortController();
    await swapped(place => remove(place, { recursive: true, force: false }, { paths, signal }));
    expect([existsSync(at('moved/f')), existsSync(at('theirs/f'))]).to.deep.equal([false, true]);
  });

  it('creates directories there, with their parents', async () => {
    const options = { followSymlinks: false, createParents: true };
    await atPlace(at('dir/sub/a/b/c'), options, paths, place => {
      renameSync(at('dir/sub'), at('moved'));
      symlinkSync(at('theirs'), at('dir/sub'));
      return createDirectory(place, true, paths);
    });
    expect([existsSync(at('moved/a/b/c')), existsSync(at('theirs/a'))]).to.deep.equal([true, false]);
  });

  it('opens no link that takes the place of the file', async () => {
    const toLink = (act: (place: Place) => Promise<unknown>) =>
      atPlace(at('dir/sub/f'), { followSymlinks: false }, paths, place => {
        renameSync(at('dir/sub/f'), at('old'));
        symlinkSync(at('theirs/f'), at('dir/sub/f'));
        return act(place);
      });
    expect(await refusal(toLink(place => readWholeFile(place, 100)))).to.deep.equal({
      code: -32600,
      kind: 'fileRefused',
      reason: 'notAFile',
      path: paths.uri(at('dir/sub/f')),
    });
    expect(readFileSync(at('theirs/f'), 'utf8')).to.equal('theirs');
  });

  it('resolves names that are not UTF-8', async () => {
    const name = Buffer.concat([Buffer.from(at('dir/')), Buffer.from([0xff])]);
    mkdirSync(name);
    const file = Buffer.concat([name, Buffer.from('/f')]);
    writeFileSync(file, 'raw');
    const content = await atPlace(file, { followSymlinks: false }, paths, place => readWholeFile(place, 100));
    expect(String(content)).to.equal('raw');
  });
});

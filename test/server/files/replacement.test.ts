import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { expect } from 'chai';
import { followed } from '../../../src/server/files/place.ts';
import { Replacement } from '../../../src/server/files/replacement.ts';
import { paths, refusal, scratchDirectory } from './support/scratch.ts';

const OTHER_ID = 54_321;

describe('Replacement', () => {
  before(function () {
    if (process.platform === 'win32') this.skip();
  });

  const { at } = scratchDirectory();
  const modeOf = (name: string) => statSync(at(name)).mode & 0o7777;

  const begin = (name: string, fileMode?: number) =>
    Replacement.begin(followed(at(name), paths), fileMode, paths);
  const replace = async (name: string, content: string, fileMode?: number): Promise<void> => {
    const replacement = await begin(name, fileMode);
    await replacement.handle.write(content);
    await replacement.commit();
  };

  it('is invisible until it is committed, and leaves no temporary file', async () => {
    writeFileSync(at('f'), 'old');
    const replacement = await begin('f');
    await replacement.handle.write('new');
    expect(readFileSync(at('f'), 'utf8')).to.equal('old');
    await replacement.commit();
    expect([readFileSync(at('f'), 'utf8'), readdirSync(at())]).to.deep.equal(['new', ['f']]);
  });

  it('leaves no file when it is discarded', async () => {
    writeFileSync(at('f'), 'old');
    const replacement = await begin('f');
    await replacement.handle.write('new');
    expect(readdirSync(at())).to.have.lengthOf(2);
    await replacement.discard();
    expect([readFileSync(at('f'), 'utf8'), readdirSync(at())]).to.deep.equal(['old', ['f']]);
  });

  it('keeps the permission bits, or sets the requested ones', async () => {
    writeFileSync(at('f'), 'old');
    chmodSync(at('f'), 0o4751);
    await replace('f', 'new');
    expect(modeOf('f')).to.equal(0o4751);
    await replace('f', 'new', 0o666);
    expect(modeOf('f')).to.equal(0o666);
  });

  it('creates a missing file, with bits by the umask or the requested ones', async () => {
    writeFileSync(at('sample'), '');
    await replace('new', 'x');
    await replace('private', 'x', 0o600);
    expect([modeOf('new'), modeOf('private')]).to.deep.equal([modeOf('sample'), 0o600]);
  });

  it('is private until it is committed', async () => {
    writeFileSync(at('f'), 'old', { mode: 0o644 });
    const replacement = await begin('f');
    expect((await replacement.handle.stat()).mode & 0o777).to.equal(0o600);
    await replacement.discard();
  });

  it('replaces the target of a chain of links, and keeps the links', async () => {
    mkdirSync(at('d/e'), { recursive: true });
    writeFileSync(at('d/f'), 'old');
    symlinkSync('../f', at('d/e/link'));
    symlinkSync('d/e', at('to-e'));
    symlinkSync('to-e/link', at('link'));
    await replace('link', 'new');
    expect([
      readFileSync(at('d/f'), 'utf8'),
      lstatSync(at('link')).isSymbolicLink(),
      lstatSync(at('d/e/link')).isSymbolicLink(),
      lstatSync(at('d/f')).isFile(),
      readdirSync(at('d')),
    ]).to.deep.equal(['new', true, true, true, ['e', 'f']]);
  });

  it('creates the missing target of a link', async () => {
    mkdirSync(at('d'));
    symlinkSync('d/new', at('link'));
    await replace('link', 'new');
    expect([readFileSync(at('d/new'), 'utf8'), lstatSync(at('link')).isSymbolicLink()]).to.deep.equal([
      'new',
      true,
    ]);
  });

  it('refuses a file with several hard links', async () => {
    writeFileSync(at('f'), 'old');
    linkSync(at('f'), at('same'));
    expect(await refusal(begin('f'))).to.deep.equal({
      code: -32600,
      kind: 'fileRefused',
      reason: 'hardLinks',
      path: paths.uri(at('f')),
    });
    expect(readdirSync(at()).sort()).to.deep.equal(['f', 'same']);
  });

  it('refuses a file whose owner cannot be kept', function () {
    if (process.getuid?.() !== 0) this.skip();
    writeFileSync(at('f'), 'old');
    chownSync(at('f'), OTHER_ID, OTHER_ID);
    chmodSync(at('f'), 0o2755);
    return replace('f', 'new').then(() => {
      const { uid, gid } = statSync(at('f'));
      expect([uid, gid, modeOf('f')]).to.deep.equal([OTHER_ID, OTHER_ID, 0o2755]);
    });
  });

  it('refuses a path that is not a regular file, and reports a missing directory', async () => {
    mkdirSync(at('d'));
    symlinkSync('loop', at('loop'));
    writeFileSync(at('f'), '');
    const errors = await Promise.all(['d', 'loop', 'f/x', 'missing/x'].map(name => refusal(begin(name))));
    expect(errors.map(({ code, errno }) => [code, errno])).to.deep.equal([
      [-32603, 'EISDIR'],
      [-32603, 'ELOOP'],
      [-32603, 'ENOTDIR'],
      [-32004, 'ENOENT'],
    ]);
    expect(
      (await refusal(Replacement.begin(followed('/dev/null', paths), undefined, paths))).reason,
    ).to.equal('notAFile');
  });

  it('leaves the old content and no temporary file if the rename fails', async () => {
    const replacement = await begin('f');
    await replacement.handle.write('new');
    mkdirSync(at('f'));
    expect((await refusal(replacement.commit())).errno).to.equal('EISDIR');
    expect(readdirSync(at())).to.deep.equal(['f']);
    rmSync(at('f'), { recursive: true });
  });
});

import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { CodeCache, MAX_CACHE_FILE_BYTES, MAX_CACHE_FILES } from '../../src/program/code-cache.ts';
import { NOBODY_UID } from '../support/accounts.ts';
import { makeOwnDirectory } from '../support/own-directory.ts';

const asRoot = process.getuid?.() === 0;

describe('CodeCache', () => {
  let root: string;
  let directory: string;
  let program: string;

  beforeEach(function () {
    root = makeOwnDirectory(this);
    directory = join(root, 'lib', 'dist');
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    program = join(directory, 'program.cjs');
  });

  afterEach(() => rmSync(root, { recursive: true }));

  const code = Buffer.from('compiled code');

  const cacheOf = (id: string, env = {}): CodeCache => {
    const cache = CodeCache.nextTo(program, id, env);
    if (cache === undefined) throw new Error(`no cache next to ${program}`);
    return cache;
  };
  const read = (id: string) => cacheOf(id).read();
  const files = () => readdirSync(directory);

  /** Path of the file after code was kept in it. */
  const kept = (): string => {
    cacheOf('one').write(code);
    const [name = ''] = files();
    return join(directory, name);
  };

  it('returns what was kept for the same text, and nothing else', () => {
    kept();
    expect([read('one'), read('other')]).to.deep.equal([code, undefined]);
  });

  it('keeps one file next to the program, writable only by this user', () => {
    cacheOf('one').write(Buffer.from('older and longer'));
    const path = kept();
    expect(read('one')).to.deep.equal(code);
    expect(files()).to.have.lengthOf(1);
    expect(path).to.match(/\/\.program\.cjs\.[\da-f]{16}\.code$/);
    expect(statSync(path).mode & 0o022).to.equal(0);
  });

  it('is another one for other flags of Node', () => {
    const path = kept();
    const flags = { NODE_OPTIONS: '--no-opt' };
    expect(cacheOf('one', flags).read()).to.equal(undefined);
    cacheOf('one', flags).write(code);
    expect(files()).to.have.lengthOf(2);
    const [other = ''] = files().filter(name => !path.endsWith(name));
    // Not even under its name: the key is in the file.
    copyFileSync(path, join(directory, other));
    expect(cacheOf('one', flags).read()).to.equal(undefined);
  });

  for (const [title, damage] of [
    ['changed in a byte of the code', (path: string) => writeFileSync(path, flip(readFileSync(path), -1))],
    ['changed in a byte of the key', (path: string) => writeFileSync(path, flip(readFileSync(path), 40))],
    ['changed in a byte of the digest', (path: string) => writeFileSync(path, flip(readFileSync(path), 0))],
    ['cut', (path: string) => truncateSync(path, statSync(path).size - 1)],
    ['cut within the digest', (path: string) => truncateSync(path, 10)],
    ['empty', (path: string) => truncateSync(path)],
    ['longer than any code', (path: string) => truncateSync(path, MAX_CACHE_FILE_BYTES + 1)],
    ['writable by the group', (path: string) => chmodSync(path, 0o664)],
    ['writable by others', (path: string) => chmodSync(path, 0o646)],
    [
      'a link',
      (path: string) => {
        renameSync(path, join(root, 'good'));
        symlinkSync(join(root, 'good'), path);
      },
    ],
  ] as const) {
    it(`takes no file that is ${title}`, () => {
      const path = kept();
      damage(path);
      expect(read('one')).to.equal(undefined);
      cacheOf('one').write(code);
      expect(read('one')).to.deep.equal(code);
      expect(files()).to.have.lengthOf(1);
    });
  }

  it('removes a damaged file, and writes through no link that is in its place', () => {
    const path = kept();
    truncateSync(path, 50);
    expect([read('one'), files()]).to.deep.equal([undefined, []]);
    const target = join(root, 'target');
    writeFileSync(target, 'of another user');
    for (const name of [path, join(directory, `.program.cjs.${process.pid}.code`)]) symlinkSync(target, name);
    cacheOf('one').write(code);
    cacheOf('one').write(code);
    expect([readFileSync(target, 'utf8'), read('one')]).to.deep.equal(['of another user', code]);
    expect(files()).to.have.lengthOf(1);
  });

  (asRoot ? it : it.skip)('takes no file of another user', () => {
    chownSync(kept(), NOBODY_UID, NOBODY_UID);
    expect(read('one')).to.equal(undefined);
  });

  describe('is not there for a program in a directory', () => {
    const expectNone = (file = program, env = {}) =>
      expect(CodeCache.nextTo(file, 'one', env)).to.equal(undefined);

    for (const mode of [0o775, 0o757, 0o1777]) {
      it(`of mode ${mode.toString(8)}, nor below one`, () => {
        chmodSync(directory, mode);
        expectNone();
        chmodSync(directory, 0o755);
        chmodSync(root, mode);
        expectNone();
      });
    }

    (asRoot ? it : it.skip)('of another user, nor below one', () => {
      chownSync(directory, NOBODY_UID, NOBODY_UID);
      expectNone();
      chownSync(directory, 0, 0);
      chownSync(root, NOBODY_UID, NOBODY_UID);
      expectNone();
    });

    it('that is a link, nor below one', () => {
      symlinkSync(directory, join(root, 'linked'));
      expectNone(join(root, 'linked', 'program.cjs'));
      symlinkSync(join(root, 'lib'), join(root, 'above'));
      expectNone(join(root, 'above', 'dist', 'program.cjs'));
    });

    it('that is not there, or in the directory for temporary files', () => {
      expectNone(join(root, 'missing', 'program.cjs'));
      const temporary = realpathSync(mkdtempSync(join(tmpdir(), 'code-cache-')));
      try {
        if ((statSync(tmpdir()).mode & 0o002) !== 0) expectNone(join(temporary, 'program.cjs'));
      } finally {
        rmSync(temporary, { recursive: true });
      }
    });

    it('if NODE_DISABLE_COMPILE_CACHE is set', () => {
      expectNone(program, { NODE_DISABLE_COMPILE_CACHE: '1' });
    });
  });

  it('keeps nothing where it cannot, without an error', () => {
    const cache = cacheOf('one');
    expect(cache.isWritable()).to.equal(true);
    rmSync(directory, { recursive: true });
    expect(cache.isWritable()).to.equal(false);
    cache.write(code);
    expect([cache.read(), readdirSync(join(root, 'lib'))]).to.deep.equal([undefined, []]);
  });

  it('removes other files of the program when there are too many, and no others', () => {
    const others = ['program.cjs', '.program.cjs', '.other.cjs.0123456789abcdef.code', '.code'];
    for (const name of others) writeFileSync(join(directory, name), '');
    for (let count = 0; count < 3 * MAX_CACHE_FILES; count += 1) cacheOf(`text ${count}`).write(code);
    cacheOf('last').write(code);
    expect(files()).to.include.members(others);
    expect(files().length - others.length).to.be.at.most(MAX_CACHE_FILES);
    expect(read('last')).to.deep.equal(code);
  });
});

const flip = (bytes: Buffer, at: number): Buffer => {
  const index = (at + bytes.length) % bytes.length;
  bytes.writeUInt8(bytes.readUInt8(index) ^ 1, index);
  return bytes;
};

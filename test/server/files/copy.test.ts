import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { expect } from 'chai';
import { copy } from '../../../src/server/files/copy.ts';
import { hasDescriptorPaths } from '../../../src/system/descriptor-path.ts';
import { attributeAccess } from '../../../src/system/extended-attributes.ts';
import { aclOf, requireAcl, setAcl } from '../../support/acl.ts';
import { between } from './support/between.ts';
import { paths, refusal, scratchDirectory } from './support/scratch.ts';

/** Writes a file to disk: until then it may not occupy its blocks. */
const fsyncFile = (path: string): void => {
  const handle = openSync(path, 'r+');
  fsyncSync(handle);
  closeSync(handle);
};

describe('copy', () => {
  before(function () {
    if (process.platform === 'win32') this.skip();
  });

  const { at } = scratchDirectory();
  const running = new AbortController().signal;

  const go = (source: string, destination: string, recursive = false, signal = running) =>
    copy(at(source), at(destination), recursive, { paths, signal });
  const text = (name: string) => readFileSync(at(name), 'utf8');
  const modeOf = (name: string) => statSync(at(name)).mode & 0o7777;
  const fileRefused = (reason: string, name: string) => ({
    code: -32600,
    kind: 'fileRefused',
    reason,
    path: paths.uri(at(name)),
  });

  it('copies a file with its permission bits, and overwrites an existing file', async () => {
    writeFileSync(at('f'), 'content');
    chmodSync(at('f'), 0o4751);
    writeFileSync(at('there'), 'a longer content than that', { mode: 0o600 });
    expect([await go('f', 'new'), await go('f', 'there')]).to.deep.equal([[], []]);
    expect([text('new'), modeOf('new'), text('there'), modeOf('there')]).to.deep.equal([
      'content',
      0o4751,
      'content',
      0o4751,
    ]);
  });

  it('copies a file longer than a block, byte for byte', async () => {
    const bytes = Buffer.alloc(2 * 1024 * 1024 + 7, 'some bytes that do not divide a block');
    writeFileSync(at('f'), bytes);
    await go('f', 'g');
    expect(readFileSync(at('g')).equals(bytes)).to.equal(true);
  });

  it('keeps the holes of a sparse file, and the zeros of another', async function () {
    if (process.platform !== 'linux') return this.skip();
    const MIB = 1024 * 1024;
    const handle = openSync(at('sparse'), 'w');
    for (const [text, position] of [
      ['begin', 0],
      ['over a block', 3 * MIB - 5],
      ['alone', 9 * MIB + 12_345],
    ] as const) {
      writeSync(handle, text, position);
    }
    ftruncateSync(handle, 200 * MIB + 7);
    closeSync(handle);
    writeFileSync(at('zeros'), Buffer.alloc(2 * MIB));
    for (const name of ['sparse', 'zeros']) fsyncFile(at(name));
    await go('sparse', 'sparse-copy');
    await go('zeros', 'zeros-copy');
    for (const name of ['sparse-copy', 'zeros-copy']) fsyncFile(at(name));
    const of = (name: string) => statSync(at(name));
    expect([of('sparse-copy').size, of('sparse-copy').blocks <= of('sparse').blocks]).to.deep.equal([
      of('sparse').size,
      true,
    ]);
    expect(readFileSync(at('sparse-copy')).equals(readFileSync(at('sparse')))).to.equal(true);
    expect(of('zeros-copy').blocks).to.equal(of('zeros').blocks);
  });

  it('copies a file that is one hole, over a longer one', async () => {
    writeFileSync(at('hole'), '');
    truncateSync(at('hole'), 3_000_001);
    writeFileSync(at('there'), Buffer.alloc(4_000_000, 'x'));
    await go('hole', 'there');
    expect(readFileSync(at('there')).equals(Buffer.alloc(3_000_001))).to.equal(true);
  });

  it('copies a file whose size is unknown', async function () {
    if (process.platform !== 'linux') this.skip();
    await copy('/proc/version', at('version'), false, { paths, signal: running });
    expect(text('version')).to.equal(readFileSync('/proc/version', 'utf8'));
  });

  it('gives the group the access of its own entry in an access control list', async function () {
    if (attributeAccess() === undefined) return this.skip();
    requireAcl(this, at());
    mkdirSync(at('d'));
    writeFileSync(at('d/f'), '');
    chmodSync(at('d/f'), 0o664);
    setAcl(at('d/f'), 'group::r--', 'user:1:rw');
    setAcl(at('d'), 'group::---', 'user:1:rwx');
    expect([modeOf('d'), modeOf('d/f')], 'with the mask').to.deep.equal([0o775, 0o664]);
    await go('d', 'copy', true);
    expect([modeOf('copy'), modeOf('copy/f')]).to.deep.equal([0o705, 0o644]);
    expect(aclOf(at('copy/f'))).to.deep.equal(['user::rw-', 'group::r--', 'other::r--']);
  });

  it('does not copy the set-user-ID bit of a program of another user', async function () {
    if (process.getuid?.() !== 0) this.skip();
    writeFileSync(at('f'), '');
    chownSync(at('f'), 54_321, 54_321);
    chmodSync(at('f'), 0o6755);
    await go('f', 'g');
    expect([statSync(at('g')).uid, modeOf('g')]).to.deep.equal([0, 0o755]);
  });

  it('follows a link at the destination, and copies a link as a link', async () => {
    writeFileSync(at('f'), 'content');
    writeFileSync(at('g'), 'old');
    symlinkSync('g', at('to-g'));
    symlinkSync('nowhere', at('dead'));
    await go('f', 'to-g');
    await go('dead', 'dead-too');
    expect([text('g'), readlinkSync(at('to-g')), readlinkSync(at('dead-too'))]).to.deep.equal([
      'content',
      'g',
      'nowhere',
    ]);
    expect((await refusal(go('to-g', 'dead'))).errno).to.equal('EEXIST');
  });

  it('refuses to copy a file to itself under any name, and leaves it unchanged', async () => {
    mkdirSync(at('d'));
    writeFileSync(at('d/f'), 'content');
    linkSync(at('d/f'), at('hard'));
    symlinkSync('d/f', at('soft'));
    symlinkSync('d', at('link'));
    for (const name of ['d/f', 'hard', 'soft', 'link/f']) {
      expect(await refusal(go('d/f', name)), name).to.deep.equal(fileRefused('sameFile', name));
      expect(text('d/f'), name).to.equal('content');
    }
  });

  it('copies a tree with permission bits, links and names that are not UTF-8, and returns skipped files', async () => {
    const raw = (name: string) => Buffer.concat([Buffer.from(at(name)), Buffer.from([0xff])]);
    mkdirSync(at('d/sub/closed'), { recursive: true });
    writeFileSync(at('d/sub/f'), 'content', { mode: 0o640 });
    symlinkSync('../..', at('d/sub/up'));
    writeFileSync(raw('d/'), 'raw');
    execFileSync('mkfifo', [at('d/sub/fifo')]);
    chmodSync(at('d/sub/closed'), 0o500);
    expect(await go('d', 'copy', true)).to.deep.equal([paths.uri(at('d/sub/fifo'))]);
    expect([
      readdirSync(at('copy'), 'latin1'),
      readdirSync(at('copy/sub')),
      text('copy/sub/f'),
      modeOf('copy/sub/f'),
      modeOf('copy/sub/closed'),
      readlinkSync(at('copy/sub/up')),
      readFileSync(raw('copy/'), 'utf8'),
    ]).to.deep.equal([['sub', '\xff'], ['closed', 'f', 'up'], 'content', 0o640, 0o500, '../..', 'raw']);
  });

  it('refuses to copy a directory without recursive, or over a file', async () => {
    mkdirSync(at('d'));
    writeFileSync(at('f'), 'content');
    expect(await refusal(go('d', 'e'))).to.deep.equal(fileRefused('directory', 'd'));
    expect((await refusal(go('d', 'f', true))).errno).to.equal('EEXIST');
    expect((await refusal(go('d', 'f/x', true))).errno).to.equal('ENOTDIR');
    expect([readdirSync(at()).sort(), text('f')]).to.deep.equal([['d', 'f'], 'content']);
  });

  it('merges a directory into an existing one, which keeps its other entries and its permission bits', async () => {
    mkdirSync(at('d/sub'), { recursive: true });
    writeFileSync(at('d/sub/f'), 'new');
    mkdirSync(at('there/sub'), { recursive: true });
    writeFileSync(at('there/sub/f'), 'old');
    writeFileSync(at('there/sub/g'), 'kept');
    chmodSync(at('there/sub'), 0o711);
    await go('d', 'there', true);
    expect([text('there/sub/f'), text('there/sub/g'), modeOf('there/sub')]).to.deep.equal([
      'new',
      'kept',
      0o711,
    ]);
  });

  it('creates missing parents of the destination of a directory', async () => {
    mkdirSync(at('d/sub'), { recursive: true });
    await go('d', 'x/y/copy', true);
    expect(readdirSync(at('x/y/copy'))).to.deep.equal(['sub']);
  });

  it('refuses to copy a directory to itself or into itself under any name', async () => {
    mkdirSync(at('d/sub'), { recursive: true });
    symlinkSync('d/sub', at('link'));
    for (const name of ['d', 'd/new', 'd/sub/new', 'link/new', 'link/missing/new', 'd/missing/new']) {
      expect(await refusal(go('d', name, true)), name).to.deep.equal(fileRefused('intoItself', name));
    }
    expect(readdirSync(at('d/sub'))).to.deep.equal([]);
  });

  it('copies a tree of many levels, also into one that is reached by a link', async () => {
    const sub = '/sub'.repeat(40);
    mkdirSync(at(`d${sub}`), { recursive: true });
    writeFileSync(at(`d${sub}/f`), 'content');
    mkdirSync(at('there'));
    symlinkSync('there', at('link'));
    for (const name of ['copy', 'link']) {
      await go('d', name, true);
      expect(text(`${name}${sub}/f`), name).to.equal('content');
    }
  });

  for (const changed of ['d', 'copy']) {
    it(`follows no link that takes the place of a directory in ${changed}`, async function () {
      if (!hasDescriptorPaths()) return this.skip();
      const names = ['a', 'b', 'c'];
      for (const directory of ['d/sub', 'theirs']) {
        mkdirSync(at(directory), { recursive: true });
        for (const name of names) writeFileSync(at(`${directory}/${name}`), directory);
      }
      const swap = () => {
        renameSync(at(`${changed}/sub`), at('moved'));
        symlinkSync(at('theirs'), at(`${changed}/sub`));
      };
      const isBegun = () => existsSync(at('copy/sub/a'));
      await go('d', 'copy', true, between(isBegun, swap));
      const copied = changed === 'copy' ? 'moved' : 'copy/sub';
      for (const name of names) {
        expect([text(`${copied}/${name}`), text(`theirs/${name}`)]).to.deep.equal(['d/sub', 'theirs']);
      }
    });
  }

  it('copies into a sibling directory whose name starts with the same text', async () => {
    mkdirSync(at('d'));
    mkdirSync(at('d2'));
    await go('d', 'd2/copy', true);
    expect(readdirSync(at('d2'))).to.deep.equal(['copy']);
  });

  it('refuses special files as source and destination', async () => {
    writeFileSync(at('f'), 'content');
    execFileSync('mkfifo', [at('fifo')]);
    expect([await refusal(go('fifo', 'g')), await refusal(go('f', 'fifo'))]).to.deep.equal([
      fileRefused('specialFile', 'fifo'),
      fileRefused('notAFile', 'fifo'),
    ]);
    expect(lstatSync(at('fifo')).isFIFO()).to.equal(true);
  });

  it('names the path that is missing', async () => {
    writeFileSync(at('f'), '');
    expect([await refusal(go('missing', 'g')), await refusal(go('f', 'missing/g'))]).to.deep.equal(
      ['missing', 'missing/g'].map(name => ({
        code: -32004,
        kind: 'fileNotFound',
        errno: 'ENOENT',
        path: paths.uri(at(name)),
      })),
    );
  });

  it('aborts between two blocks with the reason of the signal', async () => {
    writeFileSync(at('f'), 'content');
    const reason = new Error('enough');
    expect(await go('f', 'g', false, AbortSignal.abort(reason)).catch(error => error)).to.equal(reason);
  });
});

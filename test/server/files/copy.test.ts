import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { expect } from 'chai';
import { copy } from '../../../src/server/files/copy.ts';
import { paths, refusal, scratchDirectory } from './support/scratch.ts';

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

  it('copies a file with its bits, and over what is there', async () => {
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

  it('copies more than a block, byte for byte', async () => {
    const bytes = Buffer.alloc(2 * 1024 * 1024 + 7, 'some bytes that do not divide a block');
    writeFileSync(at('f'), bytes);
    await go('f', 'g');
    expect(readFileSync(at('g')).equals(bytes)).to.equal(true);
  });

  it('copies a file whose size is not told before', async function () {
    if (process.platform !== 'linux') this.skip();
    await copy('/proc/version', at('version'), false, { paths, signal: running });
    expect(text('version')).to.equal(readFileSync('/proc/version', 'utf8'));
  });

  it("does not make a program that runs as its owner one that runs as the copy's", async function () {
    if (process.getuid?.() !== 0) this.skip();
    writeFileSync(at('f'), '');
    chownSync(at('f'), 54_321, 54_321);
    chmodSync(at('f'), 0o6755);
    await go('f', 'g');
    expect([statSync(at('g')).uid, modeOf('g')]).to.deep.equal([0, 0o755]);
  });

  it('writes through a link, and copies a link as a link', async () => {
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

  it('never copies a file onto itself, by whatever name, and leaves it as it was', async () => {
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

  it('copies a tree with bits, links and names that are not UTF-8, and tells what it passes over', async () => {
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

  it('copies a directory only when told so, and over no file', async () => {
    mkdirSync(at('d'));
    writeFileSync(at('f'), 'content');
    expect(await refusal(go('d', 'e'))).to.deep.equal(fileRefused('directory', 'd'));
    expect((await refusal(go('d', 'f', true))).errno).to.equal('EEXIST');
    expect((await refusal(go('d', 'f/x', true))).errno).to.equal('ENOTDIR');
    expect([readdirSync(at()).sort(), text('f')]).to.deep.equal([['d', 'f'], 'content']);
  });

  it('copies a directory into one that is there, which keeps what else it holds and its bits', async () => {
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

  it('makes what is missing above the copy of a directory', async () => {
    mkdirSync(at('d/sub'), { recursive: true });
    await go('d', 'x/y/copy', true);
    expect(readdirSync(at('x/y/copy'))).to.deep.equal(['sub']);
  });

  it('never copies a directory to itself or into itself, by whatever name', async () => {
    mkdirSync(at('d/sub'), { recursive: true });
    symlinkSync('d/sub', at('link'));
    for (const name of ['d', 'd/new', 'd/sub/new', 'link/new', 'link/missing/new', 'd/missing/new']) {
      expect(await refusal(go('d', name, true)), name).to.deep.equal(fileRefused('intoItself', name));
    }
    expect(readdirSync(at('d/sub'))).to.deep.equal([]);
  });

  it('takes a directory beside it for another one, though its name begins alike', async () => {
    mkdirSync(at('d'));
    mkdirSync(at('d2'));
    await go('d', 'd2/copy', true);
    expect(readdirSync(at('d2'))).to.deep.equal(['copy']);
  });

  it('neither reads nor writes special files', async () => {
    writeFileSync(at('f'), 'content');
    execFileSync('mkfifo', [at('fifo')]);
    expect([await refusal(go('fifo', 'g')), await refusal(go('f', 'fifo'))]).to.deep.equal([
      fileRefused('specialFile', 'fifo'),
      fileRefused('notAFile', 'fifo'),
    ]);
    expect(lstatSync(at('fifo')).isFIFO()).to.equal(true);
  });

  it('says which of the two is missing', async () => {
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

  it('ends between two blocks with the reason of whoever stops it', async () => {
    writeFileSync(at('f'), 'content');
    const reason = new Error('enough');
    expect(await go('f', 'g', false, AbortSignal.abort(reason)).catch(error => error)).to.equal(reason);
  });
});

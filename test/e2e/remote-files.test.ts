import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import type { RemoteFiles } from '../../src/core/files.ts';
import { connect, type ExecClient, localServer, RequestError } from '../../src/core/index.ts';
import { MAX_BLOCK_BYTES } from '../../src/protocol/limits.ts';
import { until } from '../support/until.ts';
import { programPath } from './support/program.ts';

/** The paths of the files that another process has open. */
const openFilesOf = (pid: number): string[] =>
  readdirSync(`/proc/${pid}/fd`).flatMap(fd => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return []; // closed after the directory was read
    }
  });

describe('RemoteFiles', () => {
  let client: ExecClient;
  let files: RemoteFiles;
  let directory: string;
  const at = (name: string) => join(directory, name);

  before(async () => {
    client = await connect(localServer([process.execPath, programPath]), { localEnv: {} });
    files = client.files;
  });
  after(() => client.close());
  beforeEach(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-')));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  /** The kind of the error of a call. */
  const kindOf = (promise: Promise<unknown>): Promise<string | undefined> =>
    promise.then(
      value => `no error but ${value}`,
      (error: unknown) => {
        expect(error).to.be.instanceOf(RequestError);
        return (error as RequestError).kind;
      },
    );
  /** Random bytes, so that blocks differ. */
  const randomContent = (length: number) => Buffer.alloc(length, randomBytes(65_537));

  it('writes, reads, lists, copies and removes', async () => {
    await files.mkdir(at('d/e'), { recursive: true });
    await files.writeFile(at('d/f'), 'content', { fileMode: 0o600 });
    expect((await files.readFile(pathToFileURL(at('d/f')).href)).toString()).to.equal('content');
    expect(await files.cp(at('d'), at('copy'), { recursive: true })).to.deep.equal([]);
    expect(await files.readFile(at('d/f'), 'utf8')).to.equal('content');
    const { size, mode, isFile } = await files.stat(at('copy/f'));
    expect([size, mode, isFile]).to.deep.equal([7, process.platform === 'win32' ? 0o666 : 0o600, true]);
    expect((await files.readdir(at('copy'))).map(({ fileName }) => fileName)).to.deep.equal(['e', 'f']);
    expect((await files.walk(at('copy'))).entries).to.deep.equal([
      { path: pathToFileURL(at('copy/e')).href, kind: 'directory' },
      { path: pathToFileURL(at('copy/f')).href, kind: 'file' },
    ]);
    await files.rm(at('copy'), { recursive: true });
    expect(existsSync(at('copy'))).to.equal(false);
  });

  it('by default removes no contents, creates no parents and refuses missing files', async () => {
    mkdirSync(at('d'));
    writeFileSync(at('d/f'), '');
    expect([
      await kindOf(files.rm(at('d'))),
      await kindOf(files.rm(at('missing'))),
      await kindOf(files.mkdir(at('x/y'))),
      await kindOf(files.mkdir(at('d'))),
      await kindOf(files.cp(at('d'), at('e'))),
    ]).to.deep.equal(['fileError', 'fileNotFound', 'fileNotFound', 'fileError', 'fileRefused']);
    expect(readdirSync(directory)).to.deep.equal(['d']);
  });

  it('resolves links', async function () {
    if (process.platform === 'win32') this.skip();
    mkdirSync(at('d'));
    symlinkSync('d', at('link'));
    expect(await files.realpath(at('link'))).to.equal(pathToFileURL(at('d')).href);
  });

  const sizes = [0, 1, MAX_BLOCK_BYTES - 1, MAX_BLOCK_BYTES, MAX_BLOCK_BYTES + 1, 3 * MAX_BLOCK_BYTES + 5];
  for (const size of sizes) {
    it(`writes and reads ${size} bytes unchanged, as a whole and in blocks`, async () => {
      const bytes = randomContent(size);
      await files.writeFile(at('whole'), bytes, { atomic: true });
      await pipeline(Readable.from(size === 0 ? [] : [bytes]), files.createWriteStream(at('streamed')));
      for (const name of ['whole', 'streamed']) {
        expect(readFileSync(at(name)).equals(bytes), name).to.equal(true);
        expect((await files.readFile(at(name))).equals(bytes), name).to.equal(true);
        const chunks: Buffer[] = await files.createReadStream(at(name), { verify: true }).toArray();
        expect(Buffer.concat(chunks).equals(bytes), name).to.equal(true);
      }
      expect(readdirSync(directory)).to.have.members(['whole', 'streamed']);
    });
  }

  it('reads a file that is too long for one answer', async () => {
    writeFileSync(at('f'), '');
    truncateSync(at('f'), 49 * 1024 * 1024);
    const bytes = await files.readFile(at('f'));
    expect([bytes.length, bytes.every(byte => byte === 0)]).to.deep.equal([49 * 1024 * 1024, true]);
  });

  it('writes through streams with chunks of any length', async () => {
    const pieces = Array.from({ length: 500 }, (_, index) => randomContent((index * 7919) % 30_011));
    await pipeline(Readable.from(pieces), files.createWriteStream(at('f'), { atomic: true }));
    expect(readFileSync(at('f')).equals(Buffer.concat(pieces))).to.equal(true);
  });

  it('keeps the old content when an atomic stream fails', async () => {
    writeFileSync(at('f'), 'old');
    const broken = async function* () {
      yield randomContent(3 * MAX_BLOCK_BYTES);
      throw new Error('the source broke');
    };
    const stream = files.createWriteStream(at('f'), { atomic: true });
    const closed = new Promise(resolve => stream.once('close', resolve));
    const outcome = await pipeline(broken, stream).catch((error: Error) => error.message);
    await closed;
    expect([outcome, readFileSync(at('f'), 'utf8'), readdirSync(directory)]).to.deep.equal([
      'the source broke',
      'old',
      ['f'],
    ]);
  });

  it('fails a stream that cannot be opened and one whose file is changed by another process', async () => {
    expect(await kindOf(pipeline(Readable.from(['x']), files.createWriteStream(at('missing/f'))))).to.equal(
      'fileNotFound',
    );
    expect(await kindOf(files.createReadStream(at('missing')).toArray())).to.equal('fileNotFound');
    const stream = files.createWriteStream(at('f'));
    await new Promise(resolve => stream.write('what was written', resolve));
    await until(() => readFileSync(at('f'), 'utf8') === 'what was written', 'the file is not written');
    writeFileSync(at('f'), 'what was changed');
    expect(await kindOf(pipeline(Readable.from([]), stream))).to.equal('contentMismatch');
  });

  it('checks only the length without verify', async () => {
    const changed = async (verify: boolean, content: string) => {
      const stream = files.createWriteStream(at('f'), { verify });
      await new Promise<void>((resolve, reject) =>
        stream.write('written', error => (error ? reject(error) : resolve())),
      );
      await until(() => readFileSync(at('f'), 'utf8') === 'written', 'the file is not written');
      writeFileSync(at('f'), content);
      return kindOf(pipeline(Readable.from([]), stream));
    };
    expect([
      await changed(true, 'changed'),
      await changed(false, 'changed'),
      await changed(false, 'longer than it was'),
    ]).to.deep.equal(['contentMismatch', 'no error but undefined', 'contentMismatch']);
  });

  it('fails a verified read of a file that changes', async () => {
    writeFileSync(at('f'), randomContent(6 * MAX_BLOCK_BYTES));
    const reading = files.createReadStream(at('f'), { verify: true });
    await once(reading, 'readable');
    writeFileSync(at('f'), randomContent(6 * MAX_BLOCK_BYTES));
    expect(await kindOf(reading.toArray())).to.equal('contentMismatch');
  });

  it('closes the file when a reader stops early', async function () {
    if (process.platform !== 'linux') this.skip();
    writeFileSync(at('f'), randomContent(6 * MAX_BLOCK_BYTES));
    for await (const chunk of files.createReadStream(at('f'))) {
      expect(chunk.length).to.equal(MAX_BLOCK_BYTES);
      break;
    }
    const { pid } = await client.status();
    const isOpen = () => openFilesOf(pid).includes(at('f'));
    // The stream ends before its file is closed.
    await until(() => !isOpen(), 'the file is still open');
  });

  it('reports when a missing file appears', async () => {
    const watch = { missing: [at('d/f')] };
    let resolveChanged = () => {};
    const changed = new Promise<void>(resolve => {
      resolveChanged = resolve;
    });
    expect(await files.watchMissing(watch, resolveChanged)).to.equal(true);
    mkdirSync(at('d'));
    writeFileSync(at('d/f'), '');
    await changed;
    expect(await files.watchMissing(watch, () => {})).to.equal(false);
  });

  it('copies a long file in both directions with bounded memory', async () => {
    const blocks = 256;
    writeFileSync(at('f'), '');
    truncateSync(at('f'), blocks * MAX_BLOCK_BYTES);
    let peak = 0;
    const watched = async function* (source: AsyncIterable<Buffer>) {
      let chunks = 0;
      for await (const chunk of source) {
        chunks += 1;
        if (chunks % 8 === 0) peak = Math.max(peak, (await client.status()).rssBytes ?? 0);
        yield chunk;
      }
    };
    await pipeline(
      files.createReadStream(at('f'), { verify: true }),
      watched,
      files.createWriteStream(at('g')),
    );
    expect(statSync(at('g')).size).to.equal(blocks * MAX_BLOCK_BYTES);
    expect(peak).to.be.below((blocks * MAX_BLOCK_BYTES * 3) / 4);
    const hash = createHash('sha256')
      .update(readFileSync(at('g')))
      .digest('hex');
    const zeros = createHash('sha256')
      .update(Buffer.alloc(blocks * MAX_BLOCK_BYTES))
      .digest('hex');
    expect(hash).to.equal(zeros);
  });
});

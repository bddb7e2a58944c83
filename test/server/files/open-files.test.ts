import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { OpenFile, type OpenOptions } from '../../../src/server/files/open-file.ts';
import { OpenFiles } from '../../../src/server/files/open-files.ts';
import { followed } from '../../../src/server/files/place.ts';
import { paths, refusal, scratchDirectory } from './support/scratch.ts';

const KEEP = { discard: false };

describe('OpenFiles', () => {
  const { at } = scratchDirectory();
  let files: OpenFiles;

  beforeEach(() => {
    files = new OpenFiles(3);
  });
  afterEach(() => files.abandonAll());

  const open = (id: string, name: string, options: Partial<OpenOptions> = {}) =>
    files.open(id, () =>
      OpenFile.open(followed(at(name), paths), { mode: 'read', atomic: false, ...options }, paths),
    );
  const write = (id: string, offset: number, text: string) =>
    files.use(id, file => file.write(offset, Buffer.from(text)));
  const read = (id: string, offset: number, length: number) =>
    files.use(id, async file => {
      const { chunk, eof } = await file.read(offset, length);
      return [chunk.toString(), eof];
    });
  const content = (name: string) => readFileSync(at(name), 'utf8');

  it('runs operations on a file in the order of the calls, also before it is open', async () => {
    const asked = [
      open('h', 'f', { mode: 'replace' }),
      write('h', 0, 'aaaa'),
      write('h', 2, 'bbbb'),
      write('h', 0, 'c'),
      files.close('h', KEEP),
    ];
    await Promise.all(asked);
    expect(content('f')).to.equal('cabbbb');
  });

  it('writes blocks at any offset, as into one array', async () => {
    const blocks = fc.array(
      fc.record({ offset: fc.nat(200), bytes: fc.uint8Array({ minLength: 1, maxLength: 64 }) }),
      { maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(blocks, fc.boolean(), async (writes, atomic) => {
        const length = Math.max(0, ...writes.map(({ offset, bytes }) => offset + bytes.length));
        const expected = Buffer.alloc(length);
        for (const { offset, bytes } of writes) expected.set(bytes, offset);
        await open('h', 'f', { mode: 'replace', atomic });
        const written = writes.map(({ offset, bytes }) =>
          files.use('h', file => file.write(offset, Buffer.from(bytes))),
        );
        await Promise.all([...written, files.close('h', { ...KEEP, expectSize: length })]);
        expect(readFileSync(at('f')).equals(expected)).to.equal(true);
      }),
      { numRuns: 60 },
    );
  });

  it('reads any part as of one array, and reports the end', async () => {
    const bytes = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251));
    writeFileSync(at('f'), bytes);
    await open('h', 'f');
    await fc.assert(
      fc.asyncProperty(fc.nat(1100), fc.integer({ min: 1, max: 1100 }), async (offset, length) => {
        const block = await files.use('h', file => file.read(offset, length));
        const expected = bytes.subarray(offset, offset + length);
        expect([block.chunk.equals(expected), block.eof]).to.deep.equal([true, expected.length < length]);
      }),
    );
  });

  it('keeps an existing file with update, empties it with replace, refuses it with create', async () => {
    writeFileSync(at('f'), 'content');
    await open('u', 'f', { mode: 'update' });
    await write('u', 2, 'NN');
    await files.close('u', KEEP);
    expect(content('f')).to.equal('coNNent');
    expect(await refusal(open('c', 'f', { mode: 'create' }))).to.include({ code: -32603, errno: 'EEXIST' });
    await open('r', 'f', { mode: 'replace' });
    expect(content('f')).to.equal('');
    await open('c', 'new', { mode: 'create' });
    expect(content('new')).to.equal('');
  });

  it('refuses an id in use, and more files than the limit, files being closed included', async () => {
    writeFileSync(at('f'), '');
    await Promise.all(['a', 'b', 'c'].map(id => open(id, 'f')));
    expect(await refusal(open('a', 'f'))).to.deep.equal({
      code: -32600,
      kind: 'fileHandleExists',
      handleId: 'a',
    });
    const closing = files.close('a', KEEP);
    expect(await refusal(open('d', 'f'))).to.deep.equal({
      code: -32600,
      kind: 'limitExceeded',
      limit: 'openFiles',
      current: 4,
      max: 3,
    });
    await closing;
    await open('a', 'f');
  });

  it('has no handle for a file that could not be opened, also for requests sent before', async () => {
    const opening = refusal(open('h', 'missing'));
    const [opened, used] = await Promise.all([opening, refusal(read('h', 0, 1))]);
    const unknown = { code: -32004, kind: 'unknownFileHandle', handleId: 'h' };
    expect([opened.errno, used]).to.deep.equal(['ENOENT', unknown]);
    expect(await refusal(read('h', 0, 1))).to.deep.equal(unknown);
    writeFileSync(at('f'), 'x');
    await open('h', 'f');
    expect(await read('h', 0, 9)).to.deep.equal(['x', true]);
  });

  it('closes an unknown handle without an error unless content is expected', async () => {
    await files.close('h', KEEP);
    await files.close('h', { discard: true });
    expect((await refusal(files.close('h', { ...KEEP, expectSize: 0 }))).kind).to.equal('unknownFileHandle');
  });

  describe('close', () => {
    const SHA256_OF_ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

    it('compares the content with the expectation', async () => {
      await open('h', 'f', { mode: 'replace' });
      await write('h', 1, 'bc');
      await write('h', 0, 'a');
      await files.close('h', { ...KEEP, expectSize: 3, expectSha256: SHA256_OF_ABC.toUpperCase() });
      await open('h', 'f');
      expect(await refusal(files.close('h', { ...KEEP, expectSize: 4 }))).to.deep.equal({
        code: -32600,
        kind: 'contentMismatch',
        what: 'size',
        path: paths.uri(at('f')),
        expected: '4',
        actual: '3',
      });
      await open('h', 'f');
      expect(await refusal(files.close('h', { ...KEEP, expectSha256: '0'.repeat(64) }))).to.deep.equal({
        code: -32600,
        kind: 'contentMismatch',
        what: 'sha256',
        path: paths.uri(at('f')),
        expected: '0'.repeat(64),
        actual: SHA256_OF_ABC,
      });
    });

    for (const how of [{ expectSize: 9 }, { expectSha256: '0'.repeat(64) }, { discard: true }]) {
      it(`discards an atomic write with ${Object.keys(how)[0]}`, async () => {
        writeFileSync(at('f'), 'old');
        await open('h', 'f', { mode: 'replace', atomic: true });
        await write('h', 0, 'new');
        await files.close('h', { ...KEEP, ...how }).catch(() => {});
        expect([content('f'), readdirSync(at())]).to.deep.equal(['old', ['f']]);
      });
    }

    it('fails after a write that failed', async function () {
      writeFileSync(at('f'), 'old');
      // Most file systems refuse such an offset; on others there is nothing to test.
      const tooFar = Number.MAX_SAFE_INTEGER;
      await open('h', 'new', { mode: 'create' });
      const fails = await write('h', tooFar, 'x').then(
        () => false,
        () => true,
      );
      await files.close('h', { discard: true });
      rmSync(at('new'));
      if (!fails) this.skip();

      await open('h', 'f', { mode: 'replace', atomic: true });
      const failed = write('h', tooFar, 'x');
      const later = write('h', 0, 'new');
      const closed = files.close('h', KEEP);
      const outcomes = await Promise.allSettled([failed, later, closed]);
      expect(outcomes.map(({ status }) => status)).to.deep.equal(['rejected', 'fulfilled', 'rejected']);
      expect([content('f'), readdirSync(at())]).to.deep.equal(['old', ['f']]);
    });
  });

  it('drops open files when abandoned: running operations end, waiting ones are refused', async () => {
    mkdirSync(at('d'));
    writeFileSync(at('d/f'), 'old');
    const opening = open('h', 'd/f', { mode: 'replace', atomic: true });
    const waiting = Promise.allSettled([write('h', 0, 'new'), files.close('h', KEEP)]);
    await files.abandonAll();
    await opening;
    const outcomes = await waiting;
    expect(outcomes.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected']);
    expect([readFileSync(at('d/f'), 'utf8'), readdirSync(at('d'))]).to.deep.equal(['old', ['f']]);
  });
});

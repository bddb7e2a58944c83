import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { MAX_BLOCK_BYTES } from '../../src/protocol/limits.ts';
import { hasDescriptorPaths } from '../../src/system/descriptor-path.ts';
import { until } from '../support/until.ts';
import { fixturePath, programPath } from './support/program.ts';
import { RawClient, rawFrame } from './support/raw-client.ts';

/** Replaces `~` in params and results by the directory of the test. */
const inDirectory = (value: unknown, uri: string): unknown =>
  JSON.parse(JSON.stringify(value).replaceAll('"~', `"${uri}`));

const base64 = (text: string) => Buffer.from(text).toString('base64');

const walkAll = { maxDepth: 9, maxDirectories: 99, maxEntries: 99, followDirectorySymlinks: false };
const aFile = { isDirectory: false, isFile: true, isSymlink: false };
const aDirectory = { isDirectory: true, isFile: false, isSymlink: false };
const missing = (path: string) => ({ code: -32004, kind: 'fileNotFound', errno: 'ENOENT', path });
const failed = (errno: string, path: string) => ({ code: -32603, kind: 'fileError', errno, path });
const refused = (reason: string, path: string) => ({ code: -32600, kind: 'fileRefused', reason, path });
const wrong = (field: string) => ({ code: -32602, kind: 'invalidParams', field });

/** Requests in a directory created by `createFiles`, each with the complete answer. */
const contract: ReadonlyArray<
  readonly [method: string, params: object, answer: object, afterwards?: Readonly<Record<string, string>>]
> = [
  ['fs/readFile', { path: '~/f' }, { dataBase64: base64('hello') }],
  ['fs/readFile', { path: '~/lf' }, { dataBase64: base64('hello') }],
  ['fs/readFile', { path: '~/empty' }, { dataBase64: '' }],
  ['fs/readFile', { path: '~/dir/../f' }, { dataBase64: base64('hello') }],
  ['fs/readFile', { path: '~/dir' }, refused('notAFile', '~/dir')],
  ['fs/readFile', { path: '~/ld' }, refused('notAFile', '~/ld')],
  ['fs/readFile', { path: '~/fifo' }, refused('notAFile', '~/fifo')],
  ['fs/readFile', { path: '/dev/zero' }, refused('notAFile', 'file:///dev/zero')],
  ['fs/readFile', { path: '~/broken' }, missing('~/broken')],
  ['fs/readFile', { path: '~/missing' }, missing('~/missing')],
  ['fs/readFile', { path: '~/loop' }, failed('ELOOP', '~/loop')],
  ['fs/readFile', { path: '~/f/x' }, failed('ENOTDIR', '~/f/x')],
  ['fs/readFile', { path: '~/a%00b' }, wrong('path')],
  ['fs/readFile', { path: '/a\0b' }, wrong('path')],
  ['fs/readFile', { path: 'f' }, wrong('path')],
  ['fs/readFile', { path: '~/f?x' }, wrong('path')],
  ['fs/readFile', {}, wrong('path')],

  ['fs/writeFile', { path: '~/new', dataBase64: base64('x') }, {}, { new: 'x' }],
  ['fs/writeFile', { path: '~/f', dataBase64: base64('x') }, {}, { f: 'x' }],
  ['fs/writeFile', { path: '~/f', dataBase64: base64('x'), atomic: true }, {}, { f: 'x' }],
  ['fs/writeFile', { path: '~/lf', dataBase64: base64('x') }, {}, { f: 'x', lf: 'x' }],
  ['fs/writeFile', { path: '~/lf', dataBase64: base64('x'), atomic: true }, {}, { f: 'x', lf: 'x' }],
  ['fs/writeFile', { path: '~/broken', dataBase64: base64('x') }, {}, { nowhere: 'x' }],
  [
    'fs/writeFile',
    { path: '~/f', dataBase64: '***' },
    { code: -32600, kind: 'invalidContent', field: 'dataBase64' },
    { f: 'hello' },
  ],
  [
    'fs/writeFile',
    { path: '~/f', dataBase64: 'aGk' },
    { code: -32600, kind: 'invalidContent', field: 'dataBase64' },
    { f: 'hello' },
  ],
  ['fs/writeFile', { path: '~/missing/x', dataBase64: '' }, missing('~/missing/x')],
  ['fs/writeFile', { path: '~/missing/x', dataBase64: '', atomic: true }, missing('~/missing/x')],
  ['fs/writeFile', { path: '~/dir', dataBase64: '' }, failed('EISDIR', '~/dir')],
  ['fs/writeFile', { path: '~/dir', dataBase64: '', atomic: true }, failed('EISDIR', '~/dir')],
  ['fs/writeFile', { path: '~/loop', dataBase64: '' }, failed('ELOOP', '~/loop')],
  ['fs/writeFile', { path: '~/f/x', dataBase64: '' }, failed('ENOTDIR', '~/f/x')],
  ['fs/writeFile', { path: '~/fifo', dataBase64: base64('x') }, refused('notAFile', '~/fifo')],
  ['fs/writeFile', { path: '/dev/null', dataBase64: '' }, refused('notAFile', 'file:///dev/null')],
  ['fs/writeFile', { path: '~/f', dataBase64: '', fileMode: 0o1000 }, wrong('fileMode'), { f: 'hello' }],

  ['fs/createDirectory', { path: '~/new' }, {}],
  ['fs/createDirectory', { path: '~/dir' }, {}],
  ['fs/createDirectory', { path: '~/ld' }, {}],
  ['fs/createDirectory', { path: '~/new/x/y' }, {}],
  ['fs/createDirectory', { path: '~/new/x/y', recursive: false }, missing('~/new/x/y')],
  ['fs/createDirectory', { path: '~/dir', recursive: false }, failed('EEXIST', '~/dir')],
  ['fs/createDirectory', { path: '~/f' }, failed('EEXIST', '~/f')],
  ['fs/createDirectory', { path: '~/broken' }, failed('EEXIST', '~/broken')],
  ['fs/createDirectory', { path: '~/f/x' }, failed('ENOTDIR', '~/f/x')],
  ['fs/createDirectory', { path: '~/broken/x' }, failed('EEXIST', '~/broken/x')],
  ['fs/createDirectory', { path: '/' }, {}],

  ['fs/getMetadata', { path: '~/f' }, { ...aFile, size: 5, mode: 0o640 }],
  ['fs/getMetadata', { path: '~/lf' }, { ...aFile, isSymlink: true, size: 5, mode: 0o640 }],
  ['fs/getMetadata', { path: '~/fifo' }, { ...aFile, isFile: false, size: 0, mode: 0o600 }],
  ['fs/getMetadata', { path: '~/broken' }, missing('~/broken')],
  ['fs/getMetadata', { path: '~/missing' }, missing('~/missing')],
  ['fs/getMetadata', { path: '~/f/x' }, failed('ENOTDIR', '~/f/x')],

  ['fs/canonicalize', { path: '~/ld/sub/../a' }, { path: '~/dir/a' }],
  ['fs/canonicalize', { path: '~/lf' }, { path: '~/f' }],
  ['fs/canonicalize', { path: '~/dir/' }, { path: '~/dir' }],
  ['fs/canonicalize', { path: '~/broken' }, missing('~/broken')],
  ['fs/canonicalize', { path: '~/loop' }, failed('ELOOP', '~/loop')],

  [
    'fs/readDirectory',
    { path: '~' },
    {
      entries: [
        { fileName: 'broken', isDirectory: false, isFile: false, isSymlink: true },
        { fileName: 'dir', ...aDirectory },
        { fileName: 'empty', ...aFile },
        { fileName: 'f', ...aFile },
        { fileName: 'fifo', isDirectory: false, isFile: false, isSymlink: false },
        { fileName: 'ld', isDirectory: true, isFile: false, isSymlink: true },
        { fileName: 'lf', isDirectory: false, isFile: true, isSymlink: true },
        { fileName: 'loop', isDirectory: false, isFile: false, isSymlink: true },
      ],
    },
  ],
  ['fs/readDirectory', { path: '~/f' }, failed('ENOTDIR', '~/f')],
  ['fs/readDirectory', { path: '~/missing' }, missing('~/missing')],

  [
    'fs/walk',
    { path: '~', options: walkAll },
    {
      entries: [
        { path: '~/dir', kind: 'directory' },
        { path: '~/empty', kind: 'file' },
        { path: '~/f', kind: 'file' },
        { path: '~/dir/a', kind: 'file' },
        { path: '~/dir/sub', kind: 'directory' },
        { path: '~/dir/sub/b', kind: 'file' },
      ],
      errors: [],
      truncated: false,
    },
  ],
  [
    'fs/walk',
    { path: '~', options: { ...walkAll, maxDirectories: 0 } },
    { code: -32600, kind: 'outOfRange', field: 'options.maxDirectories', current: 0, min: 1, max: 10_000 },
  ],
  [
    'fs/walk',
    { path: '~', options: { ...walkAll, maxEntries: 0 } },
    { code: -32600, kind: 'outOfRange', field: 'options.maxEntries', current: 0, min: 1, max: 50_000 },
  ],
  ['fs/walk', { path: '~', options: { ...walkAll, maxDepth: -1 } }, wrong('options.maxDepth')],
  ['fs/walk', { path: '~' }, wrong('options')],
  ['fs/walk', { path: '~/missing', options: walkAll }, missing('~/missing')],

  ['fs/remove', { path: '~/f' }, {}],
  ['fs/remove', { path: '~/dir' }, {}],
  ['fs/remove', { path: '~/ld/' }, {}, { 'dir/a': 'a' }],
  ['fs/remove', { path: '~/dir', recursive: false }, failed('ENOTEMPTY', '~/dir'), { 'dir/a': 'a' }],
  ['fs/remove', { path: '~/missing' }, {}],
  ['fs/remove', { path: '~/missing', force: false }, missing('~/missing')],
  ['fs/remove', { path: '~/f/x' }, failed('ENOTDIR', '~/f/x')],
  ['fs/remove', { path: 'file:///tmp/..' }, refused('root', 'file:///')],

  ['fs/copy', { sourcePath: '~/f', destinationPath: '~/g', recursive: false }, {}, { g: 'hello' }],
  ['fs/copy', { sourcePath: '~/dir', destinationPath: '~/g', recursive: true }, {}, { 'g/sub/b': 'b' }],
  [
    'fs/copy',
    { sourcePath: '~/dir', destinationPath: '~/g', recursive: false },
    refused('directory', '~/dir'),
  ],
  ['fs/copy', { sourcePath: '~/f', destinationPath: '~/f', recursive: false }, refused('sameFile', '~/f')],
  [
    'fs/copy',
    { sourcePath: '~/f', destinationPath: '~/lf', recursive: false },
    refused('sameFile', '~/lf'),
    { f: 'hello' },
  ],
  [
    'fs/copy',
    { sourcePath: '~/dir', destinationPath: '~/ld/sub/x', recursive: true },
    refused('intoItself', '~/ld/sub/x'),
  ],
  ['fs/copy', { sourcePath: '~/missing', destinationPath: '~/g', recursive: false }, missing('~/missing')],
  ['fs/copy', { sourcePath: '~/f', destinationPath: 'g', recursive: false }, wrong('destinationPath')],
  ['fs/copy', { sourcePath: '~/f', destinationPath: '~/g' }, wrong('recursive')],

  ['fs/open', { handleId: 'h', path: '~/f' }, { handleId: 'h' }],
  ['fs/open', { handleId: 'h', path: '~/dir' }, refused('notAFile', '~/dir')],
  ['fs/open', { handleId: 'h', path: '~/dir', mode: 'replace' }, failed('EISDIR', '~/dir')],
  ['fs/open', { handleId: 'h', path: '~/fifo', mode: 'replace' }, refused('notAFile', '~/fifo')],
  ['fs/open', { handleId: 'h', path: '~/fifo' }, refused('notAFile', '~/fifo')],
  ['fs/open', { handleId: 'h', path: '~/missing' }, missing('~/missing')],
  ['fs/open', { handleId: 'h', path: '~/f', mode: 'create' }, failed('EEXIST', '~/f'), { f: 'hello' }],
  ['fs/open', { handleId: 'h', path: '~/f', mode: 'append' }, wrong('mode')],
  ['fs/open', { handleId: 'h', path: '~/f', atomic: true }, wrong('atomic')],
  [
    'fs/open',
    { handleId: 'open', path: '~/f' },
    { code: -32600, kind: 'fileHandleExists', handleId: 'open' },
  ],
  ['fs/readBlock', { handleId: 'open', offset: 1, len: 3 }, { chunk: base64('ell'), eof: false }],
  ['fs/readBlock', { handleId: 'open', offset: 0, len: 5 }, { chunk: base64('hello'), eof: false }],
  ['fs/readBlock', { handleId: 'open', offset: 3, len: 3 }, { chunk: base64('lo'), eof: true }],
  ['fs/readBlock', { handleId: 'open', offset: 99, len: 1 }, { chunk: '', eof: true }],
  ['fs/readBlock', { handleId: 'open', offset: 0, len: 1048576 }, { chunk: base64('hello'), eof: true }],
  ...[0, 1048577].map(
    len =>
      [
        'fs/readBlock',
        { handleId: 'open', offset: 0, len },
        { code: -32600, kind: 'outOfRange', field: 'len', current: len, min: 1, max: 1048576 },
      ] as const,
  ),
  ['fs/readBlock', { handleId: 'open', offset: -1, len: 1 }, wrong('offset')],
  ['fs/readBlock', { handleId: 'open', offset: 0, len: -1 }, wrong('len')],
  [
    'fs/readBlock',
    { handleId: 'no', offset: 0, len: 1 },
    { code: -32004, kind: 'unknownFileHandle', handleId: 'no' },
  ],
  [
    'fs/writeBlock',
    { handleId: 'open', offset: 0, chunk: 'AA==' },
    { code: -32600, kind: 'fileHandleMode', handleId: 'open', mode: 'read' },
    { f: 'hello' },
  ],
  [
    'fs/writeBlock',
    { handleId: 'no', offset: 0, chunk: 'AA==' },
    { code: -32004, kind: 'unknownFileHandle', handleId: 'no' },
  ],
  [
    'fs/writeBlock',
    { handleId: 'open', offset: 0, chunk: '' },
    { code: -32600, kind: 'outOfRange', field: 'chunk', current: 0, min: 1, max: 1048576 },
  ],
  ['fs/writeBlock', { handleId: 'open', offset: 0, chunk: '***' }, wrong('chunk')],
  ['fs/close', { handleId: 'open' }, {}],
  ['fs/close', { handleId: 'no' }, {}],
  ['fs/close', { handleId: 'open', expectSize: 5 }, {}],
  [
    'fs/close',
    { handleId: 'open', expectSize: 6 },
    { code: -32600, kind: 'contentMismatch', what: 'size', path: '~/f', expected: '6', actual: '5' },
  ],
  ['fs/close', { handleId: 'open', expectSha256: 'abc' }, wrong('expectSha256')],

  ['fs/watchMissing', { watchId: 1001, missing: ['~/missing'] }, { watching: true }],
  ['fs/watchMissing', { watchId: 1002, missing: ['~/missing', '~/f'] }, { watching: false }],
  ['fs/watchMissing', { watchId: 1003, missing: ['~/missing', 'f'] }, wrong('missing[1]')],
  ['fs/watchMissing', { watchId: 1004, missing: [], present: 'f' }, wrong('present')],
];

const createFiles = (directory: string): void => {
  const at = (name: string) => join(directory, name);
  writeFileSync(at('f'), 'hello');
  chmodSync(at('f'), 0o640);
  writeFileSync(at('empty'), '');
  mkdirSync(at('dir/sub'), { recursive: true });
  writeFileSync(at('dir/a'), 'a');
  writeFileSync(at('dir/sub/b'), 'b');
  symlinkSync('f', at('lf'));
  symlinkSync('dir', at('ld'));
  symlinkSync('nowhere', at('broken'));
  symlinkSync('loop', at('loop'));
  execFileSync('mkfifo', ['-m', '600', at('fifo')]);
};

const INITIAL_FILES = ['broken', 'dir', 'empty', 'f', 'fifo', 'ld', 'lf', 'loop'];

describe('file requests', () => {
  before(function () {
    if (process.platform === 'win32') this.skip();
  });

  let directory: string;
  let uri: string;
  const at = (name: string) => join(directory, name);
  const text = (name: string) => readFileSync(at(name), 'utf8');

  beforeEach(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-')));
    uri = pathToFileURL(directory).href;
    createFiles(directory);
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  describe('to one server', () => {
    let client: RawClient;

    before(async () => {
      client = await RawClient.open();
    });
    after(async () => {
      await client.close();
      expect([client.strayBytes, client.stderr]).to.deep.equal(['', '']);
    });
    beforeEach(() => client.request('fs/open', { handleId: 'open', path: at('f') }));
    afterEach(async () => {
      for (const handleId of ['open', 'h']) await client.request('fs/close', { handleId });
    });

    /** The complete answer; for an error its code and data. */
    const answerTo = async (method: string, params: object): Promise<object> => {
      const { result, error } = await client.ask(method, inDirectory(params, uri));
      return error === undefined ? result : { code: error.code, ...error.data };
    };

    describe('have the answer of the contract:', () => {
      for (const [method, params, answer, afterwards = {}] of contract) {
        it(`${method} ${JSON.stringify(params)}`, async () => {
          const { createdAtMs, modifiedAtMs, ...answered } = (await answerTo(method, params)) as {
            createdAtMs?: number;
            modifiedAtMs?: number;
          };
          expect(answered).to.deep.equal(inDirectory(answer, uri));
          if (method === 'fs/getMetadata' && !('code' in answer)) {
            const path = (params as { path: string }).path.replace('~', directory);
            expect(modifiedAtMs).to.equal(Math.trunc(statSync(path).mtimeMs));
            expect(createdAtMs).to.satisfy(Number.isInteger);
          }
          for (const [name, content] of Object.entries(afterwards))
            expect(text(name), name).to.equal(content);
          // No attempt leaves a file.
          if ('code' in answer) expect(readdirSync(directory).sort()).to.deep.equal(INITIAL_FILES);
        });
      }
    });

    const unenforceable = { sandbox: { permissions: { type: 'external' } } };
    const narrowable: Array<[method: string, params: object]> = [
      ['fs/readFile', { path: '~/f' }],
      ['fs/writeFile', { path: '~/new', dataBase64: '' }],
      ['fs/createDirectory', { path: '~/new' }],
      ['fs/getMetadata', { path: '~/f' }],
      ['fs/remove', { path: '~/f' }],
      ['fs/open', { handleId: 'new', path: '~/f', mode: 'replace' }],
    ];
    const alwaysFollow: Array<[method: string, params: object]> = [
      ['fs/canonicalize', { path: '~/f' }],
      ['fs/readDirectory', { path: '~' }],
      ['fs/walk', { path: '~', options: {} }],
      ['fs/copy', { sourcePath: '~/f', destinationPath: '~/new', recursive: false }],
      ['fs/open', { handleId: 'new', path: '~/f', mode: 'replace', atomic: true }],
      ['fs/watchMissing', { watchId: 1, missing: ['~/missing'] }],
    ];
    const changesNothing = async (method: string, params: object, field: string) => {
      expect(await answerTo(method, params)).to.deep.equal({ code: -32600, kind: 'unsupported', field });
      expect([readdirSync(directory).sort(), text('f')]).to.deep.equal([INITIAL_FILES, 'hello']);
    };
    for (const [method, params] of [...narrowable, ...alwaysFollow]) {
      it(`change nothing when ${method} is refused for a sandbox that cannot be enforced`, () =>
        changesNothing(method, { ...params, ...unenforceable }, 'sandbox'));
    }
    for (const [method, params] of alwaysFollow) {
      it(`change nothing when ${method} ${JSON.stringify(params)} is refused with followSymlinks: false`, () =>
        changesNothing(method, { ...params, followSymlinks: false }, 'followSymlinks'));
    }

    describe('with followSymlinks: false', () => {
      before(function () {
        if (!hasDescriptorPaths()) this.skip();
      });

      const answersWithoutLinks: typeof contract = [
        ['fs/readFile', { path: '~/f' }, { dataBase64: base64('hello') }],
        ['fs/readFile', { path: '~/dir/sub/b' }, { dataBase64: base64('b') }],
        ['fs/readFile', { path: '~/lf' }, refused('symlink', '~/lf')],
        ['fs/readFile', { path: '~/ld/a' }, refused('symlink', '~/ld')],
        ['fs/readFile', { path: '~/ld/missing' }, refused('symlink', '~/ld')],
        ['fs/readFile', { path: '~/broken' }, refused('symlink', '~/broken')],
        ['fs/readFile', { path: '~/loop/x' }, refused('symlink', '~/loop')],
        ['fs/readFile', { path: '/proc/self/status' }, refused('symlink', 'file:///proc/self')],
        ['fs/readFile', { path: '~/dir' }, refused('notAFile', '~/dir')],
        ['fs/readFile', { path: '~/fifo' }, refused('notAFile', '~/fifo')],
        ['fs/readFile', { path: '/' }, refused('notAFile', 'file:///')],
        ['fs/readFile', { path: '~/missing' }, missing('~/missing')],
        ['fs/readFile', { path: '~/missing/x' }, missing('~/missing/x')],
        ['fs/readFile', { path: '~/f/x' }, failed('ENOTDIR', '~/f/x')],
        ['fs/writeFile', { path: '~/new', dataBase64: base64('x') }, {}, { new: 'x' }],
        ['fs/writeFile', { path: '~/dir/a', dataBase64: base64('x') }, {}, { 'dir/a': 'x' }],
        ['fs/writeFile', { path: '~/dir/a', dataBase64: base64('x'), atomic: true }, {}, { 'dir/a': 'x' }],
        ['fs/writeFile', { path: '~/lf', dataBase64: '' }, refused('symlink', '~/lf'), { f: 'hello' }],
        [
          'fs/writeFile',
          { path: '~/lf', dataBase64: '', atomic: true },
          refused('symlink', '~/lf'),
          { f: 'hello' },
        ],
        ['fs/writeFile', { path: '~/ld/a', dataBase64: '' }, refused('symlink', '~/ld'), { 'dir/a': 'a' }],
        ['fs/writeFile', { path: '~/broken', dataBase64: '' }, refused('symlink', '~/broken')],
        ['fs/createDirectory', { path: '~/new/x/y' }, {}],
        ['fs/createDirectory', { path: '~/dir' }, {}],
        ['fs/createDirectory', { path: '/' }, {}],
        ['fs/createDirectory', { path: '~/ld' }, refused('symlink', '~/ld')],
        ['fs/createDirectory', { path: '~/ld/new' }, refused('symlink', '~/ld')],
        ['fs/createDirectory', { path: '~/broken' }, refused('symlink', '~/broken')],
        ['fs/createDirectory', { path: '~/f' }, failed('EEXIST', '~/f')],
        ['fs/createDirectory', { path: '~/dir', recursive: false }, failed('EEXIST', '~/dir')],
        ['fs/createDirectory', { path: '~/new/x', recursive: false }, missing('~/new/x')],
        ['fs/getMetadata', { path: '~/f' }, { ...aFile, size: 5, mode: 0o640 }],
        ['fs/getMetadata', { path: '~/lf' }, refused('symlink', '~/lf')],
        ['fs/getMetadata', { path: '~/ld/a' }, refused('symlink', '~/ld')],
        ['fs/remove', { path: '~/f' }, {}],
        ['fs/remove', { path: '~/dir' }, {}],
        ['fs/remove', { path: '~/missing' }, {}],
        ['fs/remove', { path: '~/missing', force: false }, missing('~/missing')],
        ['fs/remove', { path: '~/lf' }, refused('symlink', '~/lf'), { lf: 'hello' }],
        ['fs/remove', { path: '~/ld/a' }, refused('symlink', '~/ld'), { 'dir/a': 'a' }],
        ['fs/remove', { path: '/' }, refused('root', 'file:///')],
        ['fs/open', { handleId: 'h', path: '~/dir/a' }, { handleId: 'h' }],
        ['fs/open', { handleId: 'h', path: '~/lf' }, refused('symlink', '~/lf')],
        ['fs/open', { handleId: 'h', path: '~/ld/a', mode: 'update' }, refused('symlink', '~/ld')],
      ];
      for (const [method, params, answer, afterwards = {}] of answersWithoutLinks) {
        it(`${method} ${JSON.stringify(params)}`, async () => {
          const { createdAtMs, modifiedAtMs, ...answered } = (await answerTo(method, {
            ...params,
            followSymlinks: false,
          })) as { createdAtMs?: number; modifiedAtMs?: number };
          expect(answered).to.deep.equal(inDirectory(answer, uri));
          expect(Object.keys(afterwards).map(text)).to.deep.equal(Object.values(afterwards));
          const { path } = params as { path: string };
          if (method === 'fs/remove' && !('code' in answer))
            expect(existsSync(path.replace('~', directory))).to.equal(false);
          if (method === 'fs/createDirectory' && !('code' in answer))
            expect(lstatSync(path.replace('~', directory)).isDirectory()).to.equal(true);
        });
      }
    });

    it('remove links and not their targets', async () => {
      await client.request('fs/remove', { path: at('ld') });
      expect([text('dir/a'), readdirSync(directory).includes('ld')]).to.deep.equal(['a', false]);
    });

    it('set the requested permission bits regardless of the umask', async () => {
      const modes = [{}, { atomic: true }].flatMap(how =>
        [0o777, 0o600, 0o751].map(fileMode => ({ ...how, fileMode })),
      );
      for (const how of modes) {
        await client.request('fs/writeFile', { path: at('new'), dataBase64: base64('x'), ...how });
        expect(statSync(at('new')).mode & 0o7777, JSON.stringify(how)).to.equal(how.fileMode);
        rmSync(at('new'));
      }
      await client.request('fs/open', { handleId: 'h', path: at('new'), mode: 'create', fileMode: 0o666 });
      await client.request('fs/close', { handleId: 'h' });
      expect(statSync(at('new')).mode & 0o7777).to.equal(0o666);
    });

    it('read files whose size is unknown before', async function () {
      if (process.platform !== 'linux') this.skip();
      const { dataBase64 } = await client.request('fs/readFile', { path: '/proc/self/status' });
      expect(Buffer.from(dataBase64, 'base64').toString()).to.match(/^Name:.*\nPid:\t\d+\n/s);
      await client.request('fs/open', { handleId: 'h', path: '/proc/self/status' });
      const { chunk, eof } = await client.request('fs/readBlock', { handleId: 'h', offset: 0, len: 5 });
      expect([Buffer.from(chunk, 'base64').toString(), eof]).to.deep.equal(['Name:', false]);
      await client.request('fs/close', { handleId: 'h' });
    });

    it('fail to create a file where the system creates none', async function () {
      if (process.platform !== 'linux') this.skip();
      expect(await answerTo('fs/createDirectory', { path: '/proc/x/y' })).to.deep.equal(
        missing('file:///proc/x/y'),
      );
    });

    it('read and list names that are not UTF-8', async function () {
      if (process.platform !== 'linux') this.skip();
      const raw = `${uri}/dir/%FF%C3(`;
      await client.request('fs/writeFile', { path: raw, dataBase64: base64('raw') });
      expect(await client.request('fs/readFile', { path: raw })).to.deep.equal({ dataBase64: base64('raw') });
      expect((await client.request('fs/getMetadata', { path: raw })).size).to.equal(3);
      expect(await client.request('fs/canonicalize', { path: raw })).to.deep.equal({ path: raw });
      const { entries } = await client.request('fs/readDirectory', { path: at('dir') });
      expect(entries.at(-1)).to.deep.equal({
        fileName: '\ufffd\ufffd(',
        ...aFile,
        fileNameBase64: Buffer.from([0xff, 0xc3, 0x28]).toString('base64'),
      });
      const walked = await client.request('fs/walk', { path: at('dir'), options: { maxDepth: 0 } });
      expect(walked.entries.at(-1)).to.deep.equal({ path: raw, kind: 'file' });
      await client.request('fs/remove', { path: raw });
      expect(readdirSync(at('dir')).sort()).to.deep.equal(['a', 'sub']);
    });

    it('list a big tree completely or up to the requested limits', async () => {
      mkdirSync(at('big'));
      const names = Array.from({ length: 3000 }, (_, index) => `file ${String(index).padStart(4, '0')}`);
      for (const name of names) writeFileSync(at(`big/${name}`), '');
      const { entries } = await client.request('fs/readDirectory', { path: at('big') });
      expect(entries.map(({ fileName }: { fileName: string }) => fileName)).to.deep.equal(names);
      const walked = await client.request('fs/walk', { path: at('big'), options: { maxEntries: 2999 } });
      expect([walked.entries.length, walked.truncated]).to.deep.equal([2999, true]);
      expect(walked.entries.at(-1).path).to.equal(`${uri}/big/file%202998`);
    });

    it('take effect in order for an open file in one batch', async () => {
      const write = (offset: number, chunk: string) => ({
        method: 'fs/writeBlock',
        params: { handleId: 'b', offset, chunk: base64(chunk) },
      });
      const batch = [
        { method: 'fs/open', params: { handleId: 'b', path: at('f'), mode: 'replace', atomic: true } },
        write(0, 'aaaa'),
        write(2, 'bb'),
        write(0, 'c'),
        { method: 'fs/close', params: { handleId: 'b', expectSize: 4 } },
      ].map((message, index) => ({ jsonrpc: '2.0', id: `batch ${index}`, ...message }));
      client.sendBytes(rawFrame(JSON.stringify(batch)));
      const answers = await client.waitFor('the batch', message => Array.isArray(message));
      expect(answers).to.deep.equal(
        batch.map(({ id }, index) => ({ jsonrpc: '2.0', id, result: index === 0 ? { handleId: 'b' } : {} })),
      );
      expect(text('f')).to.equal('cabb');
    });

    it('show an atomic write only after it is closed, then completely', async () => {
      await client.request('fs/open', { handleId: 'h', path: at('lf'), mode: 'replace', atomic: true });
      await client.request('fs/writeBlock', { handleId: 'h', offset: 0, chunk: base64('new') });
      expect(text('f')).to.equal('hello');
      await client.request('fs/close', { handleId: 'h' });
      expect([text('f'), lstatSync(at('lf')).isSymbolicLink(), statSync(at('f')).mode & 0o777]).to.deep.equal(
        ['new', true, 0o640],
      );
      expect(readdirSync(directory).sort()).to.deep.equal(INITIAL_FILES);
    });

    it('watch missing paths and send one notification after the answer', async () => {
      const watchId = 100;
      const paths = [at('x/y'), `${uri}/z`];
      expect(
        await client.request('fs/watchMissing', { watchId, missing: paths, present: at('f') }),
      ).to.deep.equal({
        watching: true,
      });
      mkdirSync(at('x'));
      writeFileSync(at('x/y'), '');
      const isChange = ({ method, params }: { method?: string; params?: { watchId: number } }) =>
        method === 'fs/missingChanged' && params?.watchId === watchId;
      await client.waitFor('fs/missingChanged', isChange);
      writeFileSync(at('z'), '');
      await client.request('fs/watchMissing', { watchId: watchId + 1, missing: [] });
      expect(client.messages.filter(isChange)).to.deep.equal([
        { jsonrpc: '2.0', method: 'fs/missingChanged', params: { watchId } },
      ]);
    });

    it('read a file up to the announced limit; the error names the alternative', async () => {
      const { readFileBytes } = (await RawClient.open().then(async other => {
        const { result } = other.messages[0] as { result: { limits: Record<string, number> } };
        await other.close();
        return result.limits;
      })) as { readFileBytes: number };
      truncateSync(at('f'), readFileBytes + 1);
      const { error } = await client.ask('fs/readFile', { path: at('f') });
      expect(error).to.deep.equal({
        code: -32600,
        message: `readFileBytes: ${readFileBytes + 1} exceeds the limit of ${readFileBytes}; read it in blocks, with fs/open and fs/readBlock`,
        data: {
          kind: 'limitExceeded',
          limit: 'readFileBytes',
          current: readFileBytes + 1,
          max: readFileBytes,
        },
      });
    });

    it('open at most as many files as announced', async () => {
      // One is open before.
      const ids = Array.from({ length: 127 }, (_, index) => `many ${index}`);
      const opened = await Promise.all(ids.map(handleId => answerTo('fs/open', { handleId, path: '~/f' })));
      expect(opened).to.deep.equal(ids.map(handleId => ({ handleId })));
      expect(await answerTo('fs/open', { handleId: 'one more', path: '~/f' })).to.deep.equal({
        code: -32600,
        kind: 'limitExceeded',
        limit: 'openFiles',
        current: 129,
        max: 128,
      });
      await Promise.all(ids.map(handleId => client.request('fs/close', { handleId })));
      expect(await answerTo('fs/open', { handleId: 'one more', path: '~/f' })).to.deep.equal({
        handleId: 'one more',
      });
      await client.request('fs/close', { handleId: 'one more' });
    });
  });

  describe('to a server without privileges', () => {
    let client: RawClient;

    before(async () => {
      const argv: [string, ...string[]] =
        process.getuid?.() === 0
          ? [process.execPath, fixturePath('drops-privileges.js'), programPath, '--stdio']
          : [process.execPath, programPath, '--stdio'];
      client = await RawClient.open({ argv });
    });
    after(async () => {
      await client.close();
      expect([client.strayBytes, client.stderr]).to.deep.equal(['', '']);
    });

    const CLOSED = 'closed';
    beforeEach(() => {
      chmodSync(directory, 0o755);
      chmodSync(at('f'), 0o400);
      mkdirSync(at(CLOSED));
      writeFileSync(at(`${CLOSED}/x`), '');
      mkdirSync(at('open'));
      chmodSync(at('open'), 0o777);
      chmodSync(at(CLOSED), 0o000);
      if (process.getuid?.() !== 0) chmodSync(at('f'), 0o000);
    });
    afterEach(() => {
      for (const name of [CLOSED, 'open/tree/sub'].filter(name => existsSync(at(name))))
        chmodSync(at(name), 0o755);
    });

    const denied: Array<[method: string, params: object, path?: string]> = [
      ['fs/readFile', { path: '~/f' }],
      ['fs/writeFile', { path: '~/f', dataBase64: '' }],
      ['fs/writeFile', { path: '~/f', dataBase64: '', atomic: true }],
      ['fs/writeFile', { path: '~/closed/new', dataBase64: '' }],
      ['fs/writeFile', { path: '~/closed/new', dataBase64: '', atomic: true }],
      ['fs/createDirectory', { path: '~/closed/new' }],
      ['fs/getMetadata', { path: '~/closed/x' }],
      ['fs/canonicalize', { path: '~/closed/x' }],
      ['fs/readDirectory', { path: '~/closed' }],
      ['fs/walk', { path: '~/closed/x', options: {} }],
      ['fs/remove', { path: '~/closed/x' }],
      ['fs/copy', { sourcePath: '~/f', destinationPath: '~/open/f', recursive: false }],
      ['fs/copy', { sourcePath: '~/dir', destinationPath: '~/closed/dir', recursive: true }, '~/closed/dir'],
      ['fs/open', { handleId: 'h', path: '~/f' }],
      ['fs/open', { handleId: 'h', path: '~/f', mode: 'replace' }],
    ];
    for (const [method, params, path = (params as { path?: string }).path ?? '~/f'] of denied) {
      it(`fail with permissionDenied: ${method} ${JSON.stringify(params)}`, async () => {
        const { error } = await client.ask(method, inDirectory(params, uri));
        expect({ code: error?.code, ...error?.data }).to.deep.equal(
          inDirectory({ code: -32600, kind: 'permissionDenied', errno: 'EACCES', path }, uri),
        );
        expect(error?.message).to.match(/permission denied \(EACCES\)$/);
      });
    }

    it('name the path in a tree that cannot be removed', async () => {
      mkdirSync(at('open/tree/sub'), { recursive: true });
      writeFileSync(at('open/tree/sub/f'), '');
      chmodSync(at('open/tree'), 0o777);
      chmodSync(at('open/tree/sub'), 0o555);
      const { error } = await client.ask('fs/remove', { path: at('open/tree') });
      expect(error?.data).to.deep.equal({
        kind: 'permissionDenied',
        errno: 'EACCES',
        path: `${uri}/open/tree/sub/f`,
      });
    });

    it('list a directory that cannot be read as an error', async () => {
      expect(await client.request('fs/walk', { path: at(CLOSED), options: {} })).to.deep.equal({
        entries: [],
        errors: [
          {
            path: `${uri}/closed`,
            message: `${uri}/closed: permission denied (EACCES)`,
            errno: 'EACCES',
          },
        ],
        truncated: false,
      });
    });

    it('watch nothing in a directory that cannot be read', async () => {
      const watch = { watchId: 1, missing: [at(`${CLOSED}/new`)] };
      expect(await client.request('fs/watchMissing', watch)).to.deep.equal({ watching: false });
    });

    it('write files that cannot be read, verified only by size', async () => {
      writeFileSync(at('open/f'), 'secret');
      chmodSync(at('open/f'), 0o222);
      const path = at('open/f');
      await client.request('fs/open', { handleId: 'h', path, mode: 'replace' });
      await client.request('fs/writeBlock', { handleId: 'h', offset: 0, chunk: base64('new') });
      await client.request('fs/close', { handleId: 'h', expectSize: 3 });
      chmodSync(path, 0o644);
      expect(text('open/f')).to.equal('new');
    });

    it('leave the file of another user unchanged if its permission bits cannot be set', async function () {
      if (process.getuid?.() !== 0) this.skip();
      writeFileSync(at('open/f'), 'theirs');
      chmodSync(at('open/f'), 0o666);
      chmodSync(at('dir/a'), 0o644);
      const path = at('open/f');
      const refusals: Array<[method: string, params: object]> = [
        ['fs/writeFile', { path, dataBase64: base64('x'), fileMode: 0o600 }],
        ['fs/open', { handleId: 'h', path, mode: 'replace', fileMode: 0o600 }],
        ['fs/copy', { sourcePath: at('dir/a'), destinationPath: path, recursive: false }],
      ];
      for (const [method, params] of refusals) {
        const { error } = await client.ask(method, params);
        expect(error?.data, method).to.deep.equal({
          kind: 'permissionDenied',
          errno: 'EPERM',
          path: `${uri}/open/f`,
        });
        expect([text('open/f'), statSync(path).mode & 0o777], method).to.deep.equal(['theirs', 0o666]);
      }
    });

    it('refuse an atomic write that would change the owner', async function () {
      if (process.getuid?.() !== 0) this.skip();
      writeFileSync(at('open/f'), 'theirs');
      chmodSync(at('open/f'), 0o666);
      const write = { path: at('open/f'), dataBase64: base64('x'), atomic: true };
      const { error } = await client.ask('fs/writeFile', write);
      expect(error).to.deep.equal({
        code: -32600,
        message: `${uri}/open/f: an atomic write cannot keep its owner (user 0, group 0); write it without atomic`,
        data: { kind: 'fileRefused', reason: 'owner', path: `${uri}/open/f` },
      });
      expect([text('open/f'), readdirSync(at('open'))]).to.deep.equal(['theirs', ['f']]);
    });

    it('report an atomic write that cannot create its temporary file', async function () {
      if (process.getuid?.() !== 0) this.skip();
      chmodSync(at('f'), 0o666);
      const write = { path: at('f'), dataBase64: base64('x'), atomic: true };
      const { error } = await client.ask('fs/writeFile', write);
      expect(error?.message).to.equal(
        `${uri}/f: cannot create a temporary file in its directory: permission denied (EACCES)`,
      );
      expect(text('f')).to.equal('hello');
    });

    it('list the readable part of a tree, and at most 1,000 errors', async () => {
      mkdirSync(at('many'));
      for (let index = 0; index < 1001; index += 1) mkdirSync(at(`many/${index}`), { mode: 0o000 });
      mkdirSync(at('many/readable'));
      writeFileSync(at('many/readable/f'), '');
      const { entries, errors, truncated } = await client.request('fs/walk', {
        path: at('many'),
        options: {},
      });
      expect([entries.length, entries.at(-1), errors.length, truncated]).to.deep.equal([
        1003,
        { path: `${uri}/many/readable/f`, kind: 'file' },
        1000,
        true,
      ]);
      expect(errors[0]).to.deep.equal({
        path: `${uri}/many/0`,
        message: `${uri}/many/0: permission denied (EACCES)`,
        errno: 'EACCES',
      });
    });
  });

  describe('when the connection ends', () => {
    const ends: Array<[how: string, end: (client: RawClient) => unknown]> = [
      ['at the end of stdin', client => client.server.stdin.end()],
      ['with SIGTERM', client => client.server.kill('SIGTERM')],
    ];
    for (const [how, end] of ends) {
      it(`${how}, discard atomic writes and keep others`, async () => {
        const client = await RawClient.open();
        await client.request('fs/open', { handleId: 'a', path: at('f'), mode: 'replace', atomic: true });
        await client.request('fs/open', { handleId: 'b', path: at('new'), mode: 'replace', atomic: true });
        await client.request('fs/open', { handleId: 'c', path: at('in place'), mode: 'replace' });
        for (const handleId of ['a', 'b', 'c']) {
          await client.request('fs/writeBlock', { handleId, offset: 0, chunk: base64('part') });
        }
        end(client);
        await client.ended;
        expect([readdirSync(directory).sort(), text('f'), text('in place')]).to.deep.equal([
          [...INITIAL_FILES, 'in place'].sort(),
          'hello',
          'part',
        ]);
      });
    }

    it('discard an atomic write with blocks in flight', async () => {
      const client = await RawClient.open();
      client.send({
        id: 'open',
        method: 'fs/open',
        params: { handleId: 'a', path: at('f'), mode: 'replace', atomic: true },
      });
      const chunk = Buffer.alloc(MAX_BLOCK_BYTES).toString('base64');
      for (let index = 0; index < 20; index += 1) {
        const params = { handleId: 'a', offset: index * MAX_BLOCK_BYTES, chunk };
        client.send({ id: `write ${index}`, method: 'fs/writeBlock', params });
      }
      await client.close();
      expect([readdirSync(directory).sort(), text('f')]).to.deep.equal([INITIAL_FILES, 'hello']);
    });
  });

  it('hold few descriptors open, however many are sent with followSymlinks: false', async function () {
    if (!hasDescriptorPaths()) return this.skip();
    const client = await RawClient.open({
      argv: ['prlimit', '--nofile=400', process.execPath, programPath, '--stdio'],
    });
    const requests: Array<[method: string, params: object, answer: object]> = [
      ['fs/readFile', { path: at('dir/sub/b') }, { dataBase64: base64('b') }],
      ['fs/createDirectory', { path: at('dir/sub') }, {}],
    ];
    const answers = Array.from({ length: 1000 }, async () => {
      for (const [method, params, answer] of requests)
        expect(await client.request(method, { ...params, followSymlinks: false })).to.deep.equal(answer);
      const { size } = await client.request('fs/getMetadata', { path: at('dir/a'), followSymlinks: false });
      expect(size).to.equal(1);
    });
    await Promise.all(answers);
    await client.close();
  });

  it('use bounded memory while the client reads no answers', async function () {
    if (process.platform !== 'linux') this.skip();
    const client = await RawClient.open();
    truncateSync(at('f'), 200 * MAX_BLOCK_BYTES);
    await client.request('fs/open', { handleId: 'h', path: at('f') });
    client.server.stdout.pause();
    const ids = Array.from({ length: 150 }, (_, index) => `block ${index}`);
    for (const [index, id] of ids.entries()) {
      const params = { handleId: 'h', offset: index * MAX_BLOCK_BYTES, len: MAX_BLOCK_BYTES };
      client.send({ id, method: 'fs/readBlock', params });
    }
    // Requests are processed in order, so all earlier ones are processed by then.
    client.send({ id: 'last', method: 'fs/createDirectory', params: { path: at('processed') } });
    await until(() => existsSync(at('processed')), 'the last request was not processed');
    const status = readFileSync(`/proc/${client.server.pid}/status`, 'utf8');
    const peakMiB = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
    // The total of all answers is 200 MiB.
    expect(peakMiB).to.be.below(150);
    client.server.stdout.resume();
    for (const id of ids) {
      const { result } = await client.waitFor(id, message => message.id === id);
      expect(result.chunk.length).to.equal(Math.ceil(MAX_BLOCK_BYTES / 3) * 4);
    }
    await client.close();
  });
});

import { once } from 'node:events';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { requests } from '../../src/protocol/messages.ts';
import { RawClient, type RawFraming } from './support/raw-client.ts';

/** The expected response: some fields of the result, or the code and kind of the error. */
type Answer = { readonly result: object } | { readonly code: number; readonly kind: string };
type Case = readonly [method: string, params: object, answer: Answer];

const ENV = { PATH: '/usr/local/bin:/usr/bin:/bin' };
const refused = (code: number, kind: string): Answer => ({ code, kind });
const unknownProcess = refused(-32600, 'unknownProcess');
const notThere = refused(-32004, 'fileNotFound');

/** The calls of one connection, in order: for each method one that succeeds and one that fails, if it can. */
const casesIn = (directory: string, web: string): Case[] => {
  const uri = (...path: string[]) => String(pathToFileURL(join(directory, ...path)));
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const cat = { processId: 'p', argv: ['cat'], cwd: uri(), env: ENV, pipeStdin: true };
  return [
    ['initialize', { clientName: 'again' }, refused(-32600, 'alreadyInitialized')],
    ['session/ping', {}, { result: {} }],
    ['environment/info', {}, { result: { platformOs: process.platform } }],
    ['environment/status', {}, { result: { status: 'ready' } }],
    ['environment/explain', { env: { A: 'x' } }, { result: { counts: { kept: 0, removed: 0, set: 1 } } }],
    ['environment/explain', { envPolicy: { inherit: 'some' } }, refused(-32602, 'invalidParams')],
    ['environment/refresh', {}, { result: { base: 'process', attempts: [] } }],
    ['environment/refresh', { base: 'nothing' }, refused(-32602, 'invalidParams')],
    ['server/status', {}, { result: { processes: 0 } }],
    ['process/start', cat, { result: { processId: 'p', sandboxType: 'none' } }],
    ['process/start', cat, refused(-32600, 'processExists')],
    ['process/start', { ...cat, processId: 'q', argv: [] }, refused(-32602, 'invalidParams')],
    ['process/start', { ...cat, processId: 'q', argv: ['nope'] }, refused(-32603, 'launchFailed')],
    ['process/start', { ...cat, processId: 'q', cwd: uri('nope') }, refused(-32603, 'launchFailed')],
    ...['networkProxy', 'managedNetwork', 'credentialProviders'].map(
      (field): Case => [
        'process/start',
        { ...cat, processId: 'q', [field]: { transparentTcp: false } },
        refused(-32600, 'unsupported'),
      ],
    ),
    [
      'process/write',
      { processId: 'p', chunk: base64('hello'), writeId: '1' },
      { result: { status: 'accepted' } },
    ],
    [
      'process/write',
      { processId: 'p', chunk: base64('hello'), writeId: '1' },
      { result: { status: 'accepted' } },
    ],
    ['process/write', { processId: 'absent', chunk: '' }, { result: { status: 'unknownProcess' } }],
    ['process/write', { processId: 'p', chunk: '?' }, refused(-32602, 'invalidParams')],
    ['process/resize', { processId: 'p', size: { columns: 80, rows: 24 } }, refused(-32600, 'unsupported')],
    ['process/resize', { processId: 'absent', size: { columns: 80, rows: 24 } }, unknownProcess],
    ['process/acknowledge', { processId: 'p', seq: 1 }, { result: {} }],
    ['process/acknowledge', { processId: 'p', seq: -1 }, refused(-32602, 'invalidParams')],
    ['process/signal', { processId: 'p', signal: 'SIGCONT' }, { result: {} }],
    ['process/signal', { processId: 'p', signal: 'SIGNOPE' }, refused(-32602, 'invalidParams')],
    ['process/list', {}, { result: {} }],
    ['process/closeStdin', { processId: 'p' }, { result: { status: 'accepted' } }],
    ['process/closeStdin', { processId: 'absent' }, { result: { status: 'unknownProcess' } }],
    [
      'process/read',
      { processId: 'p', afterSeq: 1, waitMs: 30_000 },
      { result: { exited: true, exitCode: 0 } },
    ],
    ['process/read', { processId: 'absent' }, unknownProcess],
    ['process/terminate', { processId: 'absent' }, { result: { running: false } }],
    ['process/terminate', { processId: 7 }, refused(-32602, 'invalidParams')],
    ['fs/createDirectory', { path: uri('new'), recursive: false }, { result: {} }],
    ['fs/createDirectory', { path: uri('a', 'b'), recursive: false }, notThere],
    ['fs/writeFile', { path: uri('new', 'file'), dataBase64: base64('text') }, { result: {} }],
    ['fs/writeFile', { path: uri('nope', 'file'), dataBase64: '' }, notThere],
    ['fs/writeFile', { path: uri('new', 'file'), dataBase64: '?' }, refused(-32600, 'invalidContent')],
    ['fs/readFile', { path: uri('new', 'file') }, { result: { dataBase64: base64('text') } }],
    ['fs/readFile', { path: uri('new') }, refused(-32600, 'fileRefused')],
    [
      'fs/getMetadata',
      { path: uri('new', 'file') },
      { result: { isFile: true, isDirectory: false, size: 4 } },
    ],
    ['fs/getMetadata', { path: uri('nope') }, notThere],
    ['fs/canonicalize', { path: uri('new', '..', 'new') }, { result: { path: uri('new') } }],
    ['fs/canonicalize', { path: uri('nope') }, notThere],
    ['fs/readDirectory', { path: uri('new') }, { result: {} }],
    ['fs/readDirectory', { path: uri('nope') }, notThere],
    [
      'fs/walk',
      {
        path: uri('new'),
        options: { maxDepth: 2, maxDirectories: 10, maxEntries: 10, followDirectorySymlinks: false },
      },
      { result: { truncated: false } },
    ],
    ['fs/walk', { path: uri('new') }, refused(-32602, 'invalidParams')],
    ['fs/copy', { sourcePath: uri('new'), destinationPath: uri('copy'), recursive: true }, { result: {} }],
    [
      'fs/copy',
      { sourcePath: uri('new'), destinationPath: uri('other'), recursive: false },
      refused(-32600, 'fileRefused'),
    ],
    ['fs/open', { handleId: 'h', path: uri('new', 'file') }, { result: {} }],
    ['fs/open', { handleId: 'i', path: uri('nope') }, notThere],
    ['fs/readBlock', { handleId: 'h', offset: 1, len: 2 }, { result: { chunk: base64('ex') } }],
    ['fs/readBlock', { handleId: 'absent', offset: 0, len: 1 }, refused(-32004, 'unknownFileHandle')],
    ['fs/writeBlock', { handleId: 'h', offset: 0, chunk: base64('x') }, refused(-32600, 'fileHandleMode')],
    ['fs/close', { handleId: 'h' }, { result: {} }],
    ['fs/close', { handleId: 'h' }, { result: {} }],
    ['fs/close', { handleId: 7 }, refused(-32602, 'invalidParams')],
    ['fs/open', { handleId: 'w', path: uri('written'), mode: 'replace' }, { result: {} }],
    ['fs/writeBlock', { handleId: 'w', offset: 0, chunk: base64('block') }, { result: {} }],
    ['fs/close', { handleId: 'w' }, { result: {} }],
    [
      'fs/watchMissing',
      { watchId: 1, missing: [uri('nope')], present: null },
      { result: { watching: true } },
    ],
    ['fs/watchMissing', { watchId: 'one', missing: [] }, refused(-32602, 'invalidParams')],
    ['fs/remove', { path: uri('copy'), recursive: true, force: false }, { result: {} }],
    ['fs/remove', { path: uri('copy'), recursive: true, force: false }, notThere],
    [
      'http/request',
      { requestId: 'r', method: 'GET', url: web, headers: [] },
      { result: { status: 200, bodyBase64: base64('hello') } },
    ],
    ['http/request', { requestId: 'r', method: 'GET', url: 'file:///x' }, refused(-32602, 'invalidParams')],
    [
      'environmentConfig/read',
      { cwd: uri(), configPaths: [['model']], requirementsPaths: [] },
      { result: { userHomeDir: uri('home') } },
    ],
    ['environmentConfig/read', { configPaths: [], requirementsPaths: [] }, refused(-32602, 'invalidParams')],
    ['process/frobnicate', {}, refused(-32601, 'unknownMethod')],
    ['shutdown', {}, { result: {} }],
  ];
};

const contract = (framing: RawFraming) => {
  let directory: string;
  let web: Server;

  beforeEach(async () => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'contract-')));
    mkdirSync(join(directory, 'home'));
    writeFileSync(join(directory, 'present'), '');
    web = createServer((_, response) => response.end('hello')).listen(0, '127.0.0.1');
    await once(web, 'listening');
  });

  afterEach(() => {
    web.closeAllConnections();
    web.close();
    rmSync(directory, { recursive: true });
  });

  it('holds for every method, for results and errors', async () => {
    const client = await RawClient.open({ framing, env: { ...ENV, HOME: join(directory, 'home') } });
    const cases = casesIn(directory, `http://127.0.0.1:${(web.address() as AddressInfo).port}/`);
    for (const [at, [method, params, answer]] of cases.entries()) {
      const { result, error } = await client.ask(method, params);
      const where = `case ${at}, ${method} ${JSON.stringify(params)}`;
      if ('result' in answer) {
        expect(error, where).to.equal(undefined);
        expect(result, where).to.deep.include(answer.result);
      } else {
        expect({ code: error?.code, kind: error?.data?.kind }, where).to.deep.equal(answer);
      }
    }
    const named = new Set(cases.map(([method]) => method));
    expect(Object.values(requests).filter(({ method }) => !named.has(method))).to.deep.equal([]);
    expect(await client.close()).to.equal(0);
    expect(client.strayBytes).to.equal('');
  });

  it('refuses positional params of every method', async () => {
    const client = await RawClient.open({ framing });
    for (const { method } of Object.values(requests)) {
      const { error } = await client.ask(method, []);
      expect(error, method).to.deep.include({
        code: -32602,
        message: 'params: expected object, received array',
      });
    }
    await client.close();
  });
};

for (const framing of ['contentLength', 'binary', 'newline'] as const) {
  describe(`the contract, framing ${framing}`, () => contract(framing));
}

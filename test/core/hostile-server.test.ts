import { expect } from 'chai';
import { ConnectionLostError, RequestError } from '../../src/core/errors.ts';
import type { ExecClient } from '../../src/core/exec-client.ts';
import { OUTPUT_WINDOW_BYTES } from '../../src/core/limits.ts';
import { requests } from '../../src/protocol/messages.ts';
import { until } from '../support/until.ts';
import { closed, connectFake, exited, INFO, output } from './support/fake-server.ts';

const outcome = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    return await promise;
  } catch (error) {
    return error;
  }
};

const invalid = (method: string, error: unknown): RequestError => {
  expect(error).to.be.instanceOf(RequestError);
  const { kind, method: of, message } = error as RequestError;
  expect({ kind, of }).to.deep.equal({ kind: 'invalidAnswer', of: method });
  expect(message).not.to.contain('\n');
  return error as RequestError;
};

const child = (client: ExecClient) => client.start({ argv: ['true'] });
const base = { base: 'process', attempts: [] };
const counts = { kept: 0, removed: 0, set: 0 };

const STATUS = {
  version: '0',
  pid: 1,
  uptimeMs: 1,
  rssBytes: 1,
  heapUsedBytes: 1,
  eventLoopDelayMs: { mean: 0, p99: 0, max: 0 },
  openDescriptors: null,
  queuedBytes: 0,
  processes: 0,
};

/** Methods without a call of their own: they are part of others, or a connected client knows their answer. */
const WITHOUT_CALL = [
  'initialize',
  'session/ping',
  'shutdown',
  'environment/info',
  'environment/status',
  'process/acknowledge',
  'fs/open',
  'fs/readBlock',
  'fs/writeBlock',
  'fs/close',
];

/** Calls of a client, with the method that they request first and a valid answer. */
const CALLS: ReadonlyArray<
  readonly [method: string, call: (client: ExecClient) => Promise<unknown>, result: object]
> = [
  [
    'process/start',
    client => child(client),
    { processId: '1', sandboxType: 'none', pid: 1, environment: counts, envBase: base },
  ],
  ['process/write', async client => (await child(client)).write('x'), { status: 'accepted' }],
  ['process/closeStdin', async client => (await child(client)).closeStdin(), { status: 'accepted' }],
  ['process/signal', async client => (await child(client)).signal('TERM'), {}],
  ['process/resize', async client => (await child(client)).resize({ columns: 1, rows: 1 }), {}],
  ['process/terminate', async client => (await child(client)).terminate(), { running: true }],
  [
    'process/list',
    client => client.list(),
    {
      processes: [
        {
          processId: '1',
          pid: 1,
          argv0: 'a',
          tty: false,
          state: 'running',
          exitCode: null,
          startedAtMs: 1,
          exitedAtMs: null,
          bytes: { stdout: 0, stderr: 0, pty: 0 },
          descendants: [{ pid: 2, name: 'b' }],
        },
      ],
    },
  ],
  [
    'environment/explain',
    client => client.explain(),
    { base, variables: { A: { outcome: 'removed', by: 'exclude', pattern: 'A' } }, counts },
  ],
  ['environment/refresh', client => client.refreshEnvironment(), base],
  [
    'process/read',
    client => client.read('1', { afterSeq: 1 }),
    {
      chunks: [{ seq: 1, stream: 'stdout', chunk: 'eA==' }],
      nextSeq: 2,
      exited: false,
      exitCode: null,
      closed: false,
      failure: null,
      sandboxDenied: false,
      droppedBytes: 0,
    },
  ],
  [
    'http/request',
    client => client.http('http://localhost/'),
    { status: 200, headers: [{ name: 'a', value: 'b' }], bodyBase64: 'eA==' },
  ],
  [
    'environmentConfig/read',
    client => client.environmentConfig({ configPaths: [['a', 'b']], requirementsPaths: [] }),
    {
      userHomeDir: 'file:///home/me',
      codexHomeDir: 'file:///home/me/.codex',
      hostname: 'box',
      config: {
        layers: [{ source: '/a', baseDir: 'file:///', toml: 'a.b = 1' }],
        cloudInsertionIndex: 1,
      },
      requirements: { layers: [], cloudInsertionIndex: 0 },
    },
  ],
  ['server/status', client => client.status(), STATUS],
  ['fs/readFile', client => client.files.readFile('/f'), { dataBase64: 'eA==' }],
  ['fs/writeFile', client => client.files.writeFile('/f', 'x'), {}],
  [
    'fs/getMetadata',
    client => client.files.stat('/f'),
    { isDirectory: false, isFile: true, isSymlink: false, size: 1, createdAtMs: 1, modifiedAtMs: 1, mode: 1 },
  ],
  [
    'fs/readDirectory',
    client => client.files.readdir('/'),
    { entries: [{ fileName: 'a', isDirectory: false, isFile: true, fileNameBase64: 'YQ==' }] },
  ],
  [
    'fs/walk',
    client => client.files.walk('/'),
    {
      entries: [{ path: 'file:///a', kind: 'file' }],
      errors: [{ path: 'file:///b', message: 'no' }],
      truncated: false,
    },
  ],
  ['fs/canonicalize', client => client.files.realpath('/'), { path: 'file:///' }],
  ['fs/createDirectory', client => client.files.mkdir('/d'), {}],
  ['fs/copy', client => client.files.cp('/a', '/b'), { skipped: ['file:///c'] }],
  ['fs/remove', client => client.files.rm('/a'), {}],
  ['fs/watchMissing', client => client.files.watchMissing({ missing: ['/a'] }, () => {}), { watching: true }],
];

/** Values that no field accepts. INFINITY is replaced in the JSON text. */
const WRONG: readonly unknown[] = [{ odd: true }, [[]], '\x1b[2J', -1.5, 'INFINITY', null, undefined];

/** Copies of a value that each have one wrong part, with the path of that part. */
const mutations = (value: unknown, path = ''): Array<readonly [path: string, mutated: unknown]> => {
  const own = WRONG.map(wrong => [path, wrong] as const);
  if (typeof value !== 'object' || value === null) return own;
  const within = Object.entries(value).flatMap(([key, part]) => {
    const at = Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
    return mutations(part, at).map(([where, mutated]) => {
      const copy = structuredClone(value) as Record<string, unknown>;
      copy[key] = mutated;
      return [where, copy] as const;
    });
  });
  return [...own, ...within];
};

/** True if a field is the mutated part, contains it or is inside it. */
const isAbout = (field: string, path: string): boolean => path.startsWith(field) || field.startsWith(path);

describe('a hostile server against Core', () => {
  it('is called with every method', () => {
    expect([...CALLS.map(([method]) => method), ...WITHOUT_CALL]).to.have.members(
      Object.values(requests).map(({ method }) => method),
    );
  });

  describe('with invalid answers', () => {
    for (const [method, call, result] of CALLS) {
      it(`fails only the call of ${method}, and the error names the field`, async () => {
        const { client, server } = await connectFake();
        // The call may need a process.
        const start = server.answers.get('process/start');
        server.answers.set(method, ({ id }) => [{ id, result }]);
        expect(await outcome(call(client)), 'the answer that is right').not.to.be.instanceOf(Error);
        for (const [path, mutated] of mutations(result)) {
          server.answers.set(method, ({ id }) => [
            JSON.parse(JSON.stringify({ id, result: mutated ?? null }).replaceAll('"INFINITY"', '1e999')),
          ]);
          const got = await outcome(call(client));
          // Some mutations are valid: another text, or null for a field that may be absent.
          if (got instanceof Error) {
            const { message, data } = invalid(method, got);
            expect(message).to.contain(`answer to ${method}: ${data.field}: `);
            expect(
              isAbout(String(data.field), path === '' ? String(data.field) : path),
              `${path}: ${message}`,
            ).to.equal(true);
          }
        }
        for (const wrong of [null, 5, 'text', [], true]) {
          server.answers.set(method, ({ id }) => [{ id, result: wrong }]);
          expect(invalid(method, await outcome(call(client))).data.field).to.equal('result');
        }
        server.answers.set(method, ({ id }) => [{ id, result }]);
        if (start !== undefined) server.answers.set('process/start', start);
        expect(await outcome(call(client)), 'the connection').not.to.be.instanceOf(Error);
        await client.close();
      });
    }

    it('fails the call for an error that is malformed', async () => {
      const { client, server } = await connectFake();
      const errors = [
        5,
        'text',
        true,
        false,
        0,
        '',
        null,
        [],
        {},
        { code: -1 },
        { message: 'm' },
        { code: 'x', message: 'm' },
        { code: 1e300, message: 'm' },
        { code: 1, message: { toString: 5 } },
        { code: 1, message: null },
      ];
      for (const error of errors) {
        server.answers.set('server/status', ({ id }) => [{ id, error }]);
        const { data } = invalid('server/status', await outcome(client.status()));
        expect(data, JSON.stringify(error)).to.deep.equal({ kind: 'invalidAnswer', field: 'error' });
      }
      await client.close();
    });

    it('accepts an error with any code and any data', async () => {
      const { client, server } = await connectFake();
      for (const code of [-32097, -32099, 0, 1, -32603]) {
        for (const data of [undefined, null, 5, 'text', [1], { kind: 7, stage: {} }]) {
          server.answers.set('process/list', ({ id }) => [{ id, error: { code, message: 'm', data } }]);
          const error = await outcome(client.list());
          expect(error).to.be.instanceOf(RequestError);
          expect(error).to.include({ code, message: 'm', kind: undefined });
        }
      }
      await client.close();
    });

    it('accepts a failed start with data of wrong types', async () => {
      const { client, server } = await connectFake('local', { PATH: '/bin' });
      for (const searchedPath of [5, 'text', [5], {}, null]) {
        const data = { kind: 'launchFailed', stage: 'resolve', path: 'p', searchedPath };
        server.answers.set('process/start', ({ id }) => [{ id, error: { code: 1, message: 'm', data } }]);
        expect(await outcome(client.start({ argv: ['p'], env: {} }))).to.include({ message: 'm' });
      }
      await client.close();
    });

    it('fails a start in a relative cwd if that of the server is invalid', async () => {
      for (const cwd of ['http://a', 'text', 'file://host/a%2Fb', '']) {
        const { client, server } = await connectFake();
        server.answers.set('server/status', () => []);
        Object.assign(client.info, { cwd });
        const { message } = invalid(
          'initialize',
          await outcome(client.start({ argv: ['a'], cwd: 'relative' })),
        );
        expect(message).to.contain('environmentInfo.cwd');
        await client.close();
      }
    });

    it('terminates the process of a start with an invalid answer', async () => {
      const { client, server } = await connectFake();
      server.answers.set('process/start', ({ id }) => [{ id, result: { processId: '1' } }]);
      invalid('process/start', await outcome(child(client)));
      await until(
        () => server.received.some(({ method }) => method === 'process/terminate'),
        'the process was not ended',
      );
      await client.close();
    });
  });

  describe('with an invalid answer to initialize', () => {
    it('fails the connection attempt, and the error names the field', async () => {
      for (const [path, info] of mutations(INFO)) {
        const error = await outcome(
          connectFake('remote', {}, server =>
            server.answers.set('initialize', ({ id }) => [
              JSON.parse(
                JSON.stringify({ id, result: { sessionId: 's', environmentInfo: info } }).replaceAll(
                  '"INFINITY"',
                  '1e999',
                ),
              ),
            ]),
          ),
        );
        if (!(error instanceof Error)) continue;
        expect(error).to.be.instanceOf(ConnectionLostError);
        const [, field = ''] =
          /^could not connect to memory: answer to initialize: environmentInfo\.?([^:]*): /.exec(
            error.message,
          ) ?? [];
        expect(error.message).to.contain(`environmentInfo${field === '' ? '' : `.${field}`}: `);
        expect(isAbout(field, path), `${path}: ${error.message}`).to.equal(true);
      }
    });
  });

  describe('with invalid notifications', () => {
    const params = [
      ['process/output', { processId: '1', seq: 1, stream: 'stdout', chunk: 'eA==' }],
      ['process/outputDropped', { processId: '1', seq: 1, bytes: { stdout: 1, stderr: 0, pty: 0 } }],
      ['process/exited', { processId: '1', seq: 1, exitCode: 0, sandboxDenied: false, signal: 'SIGTERM' }],
      ['process/closed', { processId: '1', seq: 1, holders: [{ pid: 1, name: 'a' }] }],
      ['fs/missingChanged', { watchId: 1 }],
      ['http/request/bodyDelta', { requestId: 'h1', seq: 1, deltaBase64: 'eA==', done: false, error: null }],
    ] as const;
    for (const [method, right] of params) {
      it(`fails the connection for ${method}, and the error names the field`, async () => {
        for (const [path, mutated] of mutations(right)) {
          const { client, server } = await connectFake();
          const { exit } = await child(client);
          const text = JSON.stringify({ method, params: mutated ?? null }).replaceAll('"INFINITY"', '1e999');
          server.send(JSON.parse(text));
          server.end();
          const error = await client.closed;
          expect(error?.message).to.match(/^the connection to memory was lost(?:: |$)/);
          // Some mutations are valid; then the stream just ends.
          if (error?.message.includes(': ')) {
            expect(error.message).to.contain(`: ${method}: `).and.not.to.contain('\x1b');
            const [, field = ''] = /: [a-zA-Z/]+: ([^:]+): /.exec(error.message) ?? [];
            expect(isAbout(field, path) || path === '', `${path}: ${error.message}`).to.equal(true);
          }
          await outcome(exit);
        }
      });
    }
  });

  describe('with output over the window', () => {
    const KIB64 = Buffer.alloc(64 * 1024);

    it('fails the connection, and the error has the process and the bytes', async () => {
      const { client, server } = await connectFake();
      const one = await child(client);
      const other = await child(client);
      server.send(...Array.from({ length: 40 }, (_, at) => output('1', KIB64, at + 1)));
      const error = await client.closed;
      expect(error).to.be.instanceOf(ConnectionLostError);
      expect(error?.message).to.equal(
        `the connection to memory was lost: process/output: process 1 has ${OUTPUT_WINDOW_BYTES + 2 * KIB64.length} bytes of unacknowledged output, over the window of ${OUTPUT_WINDOW_BYTES}`,
      );
      expect(await outcome(one.collect())).to.equal(error);
      expect(await outcome(other.exit)).to.equal(error);
      expect(await outcome(client.list())).to.equal(error);
    });

    it('drops what the server sends after that', async () => {
      const { client, server, toClient } = await connectFake();
      const { output: unread } = await child(client);
      server.send(...Array.from({ length: 1000 }, (_, at) => output('1', KIB64, at + 1)));
      await client.closed;
      let bytes = 0;
      await outcome(
        (async () => {
          for await (const { chunk } of unread) bytes += chunk.length;
        })(),
      );
      expect(bytes).to.equal(OUTPUT_WINDOW_BYTES + KIB64.length);
      await until(() => toClient.readableLength === 0, 'the rest is not read');
    });

    it('joins chunks of one byte or none', async () => {
      const { client, server } = await connectFake();
      const { output: unread } = await child(client);
      for (let seq = 1; seq <= 20_000; seq += 1) server.send(output('1', seq % 2 === 0 ? 'x' : '', seq));
      server.send(exited('1'), closed('1'));
      const lengths: number[] = [];
      for await (const { chunk } of unread) lengths.push(chunk.length);
      expect([lengths.length < 10, lengths.reduce((sum, length) => sum + length, 0)]).to.deep.equal([
        true,
        10_000,
      ]);
      await client.close();
    });

    it('fails the connection if acknowledgements are not answered', async () => {
      const { client, server } = await connectFake();
      const { output: all } = await child(client);
      const reading = outcome(
        (async () => {
          for await (const _ of all);
        })(),
      );
      const flood = setInterval(() => server.send(output('1', Buffer.alloc(256 * 1024))), 0);
      const error = await client.closed;
      clearInterval(flood);
      expect(error?.message).to.contain(
        'process/acknowledge: process 1 has 65 requests without an answer, over the limit of 64',
      );
      expect(await reading).to.equal(error);
    });
  });

  describe('with more bytes than requested', () => {
    it('refuses a block that is too long, or too short before the end', async () => {
      for (const [bytes, eof] of [
        [1024 * 1024 + 1, true],
        [1024 * 1024 + 1, false],
        [5, false],
        [0, false],
      ] as const) {
        const { client, server } = await connectFake();
        server.answers.set('fs/open', ({ id, params }) => [{ id, result: { handleId: params.handleId } }]);
        server.answers.set('fs/close', ({ id }) => [{ id, result: {} }]);
        server.answers.set('fs/readBlock', ({ id }) => [
          { id, result: { chunk: Buffer.alloc(bytes).toString('base64'), eof } },
        ]);
        const error = await outcome(client.files.createReadStream('/f').toArray());
        expect(invalid('fs/readBlock', error).message).to.contain(`received ${bytes}`);
        await client.close();
      }
    });

    it('refuses a file that never ends, at the limit', async () => {
      const { client, server } = await connectFake();
      const block = Buffer.alloc(1024 * 1024).toString('base64');
      server.answers.set('fs/readFile', ({ id }) => [
        { id, error: { code: 1, message: 'm', data: { kind: 'limitExceeded' } } },
      ]);
      server.answers.set('fs/open', ({ id, params }) => [{ id, result: { handleId: params.handleId } }]);
      server.answers.set('fs/close', ({ id }) => [{ id, result: {} }]);
      server.answers.set('fs/readBlock', ({ id }) => [{ id, result: { chunk: block, eof: false } }]);
      const error = await outcome(client.files.readFile('/dev/zero', { maxBytes: 3_000_000 }));
      expect(error).to.include({ kind: 'limitExceeded', method: 'fs/readFile' });
      server.answers.set('fs/readFile', ({ id }) => [{ id, result: { dataBase64: block } }]);
      expect(await outcome(client.files.readFile('/f', { maxBytes: 1_000_000 }))).to.include({
        kind: 'limitExceeded',
      });
      await client.close();
    });

    it('refuses output that never ends, at the limit of collect()', async () => {
      const { client, server } = await connectFake();
      server.answers.set('process/acknowledge', ({ id }) => [{ id, result: {} }]);
      const { collect, terminated } = {
        collect: (await child(client)).collect({ maxBytes: 3_000_000 }),
        terminated: () => server.received.some(({ method }) => method === 'process/terminate'),
      };
      const flood = setInterval(() => server.send(output('1', Buffer.alloc(256 * 1024))), 0);
      const error = await outcome(collect);
      clearInterval(flood);
      expect(error).to.include({ kind: 'limitExceeded', method: 'process/output' });
      await until(terminated, 'the process was not ended');
      await client.close();
    });

    it('calls back once for a watch, for any number of notifications', async () => {
      const { client, server } = await connectFake();
      server.answers.set('fs/watchMissing', ({ id }) => [{ id, result: { watching: true } }]);
      let called = 0;
      await client.files.watchMissing({ missing: ['/a'] }, () => {
        called += 1;
      });
      const changed = { method: 'fs/missingChanged', params: { watchId: 1 } };
      server.send(changed, changed, changed);
      server.answers.set('process/list', ({ id }) => [{ id, result: { processes: [] } }]);
      await client.list();
      await client.close();
      expect(called).to.equal(1);
    });
  });

  describe('with unexpected messages', () => {
    it('ignores other ids, second answers, output of other processes and unknown notifications', async () => {
      const { client, server } = await connectFake();
      server.answers.set('server/status', ({ id }) => [
        { id: 4711, result: {} },
        { id: 'text', error: { code: 1, message: 'm' } },
        { id: '__proto__', result: {} },
        output('4711', 'x'),
        output('__proto__', 'x'),
        exited('4711'),
        closed('constructor'),
        { method: 'unknown/method', params: {} },
        { method: '__proto__' },
        { id, result: STATUS },
        { id, result: 5 },
        { id, error: { code: 1, message: 'm' } },
      ]);
      for (let round = 0; round < 3; round += 1) expect(await client.status()).to.deep.equal(STATUS);
      await client.close();
    });

    it('refuses its requests, and fails the connection if it does not read the answers', async () => {
      const { client, server, toServer } = await connectFake();
      server.send({ id: 1, method: 'process/start', params: {} });
      await until(
        () => server.received.some(({ error }) => error?.code === -32601),
        'no answer to the request',
      );
      toServer.pause();
      const asking = setInterval(
        () => server.send(...Array.from({ length: 100 }, (_, id) => ({ id, method: 'x'.repeat(10_000) }))),
        0,
      );
      const error = await client.closed;
      clearInterval(asking);
      expect(error?.message).to.contain('the server sends requests and does not read the answers');
    });
  });

  describe('without answers', () => {
    it('rejects pending calls at close()', async () => {
      const { client, server } = await connectFake();
      server.answers.clear();
      const waiting = [child(client), client.list(), client.files.readFile('/f')].map(outcome);
      await client.close();
      for (const error of await Promise.all(waiting)) {
        expect(error).to.be.instanceOf(ConnectionLostError);
        expect(error).to.include({ message: 'the connection was closed' });
      }
    });

    it('rejects pending calls at the end of the stream inside a frame', async () => {
      const { client, toClient } = await connectFake();
      const waiting = outcome(client.list());
      toClient.write('Content-Length: 100\r\n\r\n{"id":');
      toClient.end();
      expect(await waiting).to.be.instanceOf(ConnectionLostError);
    });
  });

  describe('with bytes that are not a message', () => {
    const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
    const frame = (body: string | Buffer) =>
      Buffer.concat([Buffer.from(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`), Buffer.from(body)]);
    const cases: Array<[title: string, bytes: Buffer]> = [
      ['a header that never ends', Buffer.alloc(3 * 1024 * 1024, 'x')],
      ['a frame over the limit', Buffer.from('Content-Length: 99999999999\r\n\r\n')],
      ['a body that is not JSON', frame('{"a":')],
      ['a body that is not UTF-8', frame(Buffer.from([0x22, 0xff, 0x22]))],
      ['deep nesting', frame(`{"id":1,"result":${deep(100)}}`)],
      ['deeper nesting', frame(deep(5_000_000))],
      ['a batch', frame('[{"id":1,"result":1}]')],
      ['neither request nor answer', frame('{}')],
      ['a number', frame('5')],
      ['control characters', frame('{"id":null,"error":{"code":1,"message":"\\u001b[2J\\n\\u202e"}}')],
    ];
    for (const [title, bytes] of cases) {
      it(`fails the connection with a reason of one line that is safe to show: ${title}`, async () => {
        const { client, toClient } = await connectFake();
        const waiting = outcome(client.list());
        toClient.write(bytes);
        const error = await client.closed;
        expect(error?.message).to.match(/^the connection to memory was lost: [^\p{Cc}\p{Cf}]{5,300}$/u);
        expect(await waiting).to.equal(error);
      });
    }
  });
});

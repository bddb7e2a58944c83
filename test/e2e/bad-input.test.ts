import { expect } from 'chai';
import { RawClient, type RawFraming, type RawMessage, rawFrame } from './support/raw-client.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';
const START = { processId: 'x', argv: ['true'], cwd: '/', env: { PATH }, tty: false };

const testInvalidInput = (framing: RawFraming) => {
  let client: RawClient;

  beforeEach(async () => {
    client = await RawClient.open({ framing });
    // It must survive all invalid input.
    await client.request('process/start', {
      processId: 'bystander',
      argv: ['cat'],
      cwd: '/',
      env: { PATH },
      pipeStdin: true,
    });
  });

  afterEach(async () => {
    await client.request('process/write', {
      processId: 'bystander',
      chunk: Buffer.from('alive').toString('base64'),
    });
    await client.request('process/closeStdin', { processId: 'bystander' });
    expect((await client.finished('bystander')).stdout.toString()).to.equal('alive');
    expect(await client.close()).to.equal(0);
    expect(client.strayBytes).to.equal('');
  });

  const errorOf = async (method: string, params?: unknown) => errorIn(await client.ask(method, params));

  describe('params', () => {
    const cases: Array<[title: string, method: string, params: unknown, field: string, problem: string]> = [
      [
        'a field of the wrong type',
        'process/start',
        { ...START, processId: 5 },
        'processId',
        'expected string, received number',
      ],
      [
        'a missing field',
        'process/start',
        { processId: 'x', cwd: '/' },
        'argv',
        'expected array, but it is missing',
      ],
      [
        'a wrong element of an array',
        'process/start',
        { ...START, argv: ['a', 7] },
        'argv[1]',
        'expected string, received number',
      ],
      [
        'an empty argv',
        'process/start',
        { ...START, argv: [] },
        'argv',
        'expected at least 1 entry, received an array of 0',
      ],
      [
        'a processId over 4 KiB',
        'process/start',
        { ...START, processId: 'x'.repeat(4097) },
        'processId',
        'expected at most 4096 bytes, received 4097',
      ],
      [
        'a relative cwd',
        'process/start',
        { ...START, cwd: 'some/where' },
        'cwd',
        'expected a file: URI or an absolute path, received "some/where"',
      ],
      [
        'a URI of another machine',
        'process/start',
        { ...START, cwd: 'file://elsewhere/tmp' },
        'cwd',
        '"file://elsewhere/tmp" does not name a path of this machine',
      ],
      ['NUL in cwd', 'process/start', { ...START, cwd: '/a\0b' }, 'cwd', 'may not contain NUL'],
      [
        'an escaped NUL in cwd',
        'process/start',
        { ...START, cwd: 'file:///a%00b' },
        'cwd',
        '"file:///a%00b" does not name a path of this machine',
      ],
      ['NUL in an argument', 'process/start', { ...START, argv: ['a\0b'] }, 'argv[0]', 'may not contain NUL'],
      ['positional params', 'process/start', ['x'], 'params', 'expected object, received array'],
      [
        'base64 with a stray character',
        'process/write',
        { processId: 'bystander', chunk: 'YQ=*' },
        'chunk',
        'expected base64 with padding',
      ],
      [
        'base64 without padding',
        'process/write',
        { processId: 'bystander', chunk: 'YQ' },
        'chunk',
        'expected base64 with padding',
      ],
      [
        'an unknown signal',
        'process/signal',
        { processId: 'bystander', signal: 'SIGNOPE' },
        'signal',
        'expected "interrupt" or a POSIX signal name, received "SIGNOPE"',
      ],
      [
        'an unknown signal target',
        'process/signal',
        { processId: 'bystander', signal: 'SIGTERM', target: 'session' },
        'target',
        'expected one of "process", "group", "tree", received another string',
      ],
      [
        'a size of the wrong type',
        'process/start',
        { ...START, tty: true, size: '80x24' },
        'size',
        'expected object, received string',
      ],
      [
        'a size without rows',
        'process/start',
        { ...START, tty: true, size: { columns: 80 } },
        'size.rows',
        'expected number, but it is missing',
      ],
      [
        'a size beyond that of a terminal',
        'process/start',
        { ...START, tty: true, size: { columns: 65_536, rows: 24 } },
        'size.columns',
        'expected at most 65535, received a larger number',
      ],
      [
        'a negative timeoutMs',
        'process/start',
        { ...START, timeoutMs: -1 },
        'timeoutMs',
        'expected at least 0, received a smaller number',
      ],
      [
        'a killGraceMs beyond the safe integers',
        'process/start',
        { ...START, killGraceMs: 2 ** 53 },
        'killGraceMs',
        'expected at most 9007199254740991, received a larger number',
      ],
      [
        'a drainMs that is not an integer',
        'process/start',
        { ...START, drainMs: 0.5 },
        'drainMs',
        'expected int, received number',
      ],
      [
        'an unknown output mode',
        'process/start',
        { ...START, output: 'tail' },
        'output',
        'expected one of "lossless", "headTail", received another string',
      ],
      [
        'a maxOutputBytes without room for head and tail',
        'process/start',
        { ...START, output: 'headTail', maxOutputBytes: 1 },
        'maxOutputBytes',
        'expected at least 2, received a smaller number',
      ],
      [
        'process/resize without a size',
        'process/resize',
        { processId: 'bystander' },
        'size',
        'expected object, but it is missing',
      ],
      [
        'process/resize to no rows',
        'process/resize',
        { processId: 'bystander', size: { columns: 80, rows: 0 } },
        'size.rows',
        'expected at least 1, received a smaller number',
      ],
      [
        'process/read with a negative afterSeq',
        'process/read',
        { processId: 'bystander', afterSeq: -1 },
        'afterSeq',
        'expected at least 0, received a smaller number',
      ],
      [
        'process/acknowledge without a seq',
        'process/acknowledge',
        { processId: 'bystander' },
        'seq',
        'expected number, but it is missing',
      ],
    ];
    for (const [title, method, params, field, problem] of cases) {
      it(`names the invalid field: ${title}`, async () => {
        expect(await errorOf(method, params)).to.deep.equal({
          code: -32602,
          message: `${field}: ${problem}`,
          data: { kind: 'invalidParams', field },
        });
      });
    }

    const bad = {
      'NUL in a name': { 'A\0B': 'planted' },
      'a name with =': { 'A=B': 'planted' },
      'NUL in a value': { A: 'planted\0' },
      'an empty name': { '': 'planted' },
      'a value that is not a string': { A: ['planted'] },
    };
    for (const [title, env] of Object.entries(bad)) {
      for (const where of ['env', 'envPolicy.set']) {
        it(`names ${where} and no value: ${title}`, async () => {
          const params = where === 'env' ? { ...START, env } : { ...START, envPolicy: { set: env } };
          const error = await errorOf('process/start', params);
          expect(error?.code).to.equal(-32602);
          expect(error?.data?.field)
            .to.be.a('string')
            .and.satisfy((field: string) => field.startsWith(where));
          expect(JSON.stringify(error)).not.to.contain('planted');
        });
      }
    }
  });

  it('refuses a second process with the id of a live one', async () => {
    expect(await errorOf('process/start', { ...START, processId: 'bystander' })).to.deep.equal({
      code: -32600,
      message: 'process bystander already exists',
      data: { kind: 'processExists', processId: 'bystander' },
    });
  });

  for (const [method, params] of Object.entries({
    'process/read': {},
    'process/resize': { size: { columns: 80, rows: 24 } },
  })) {
    it(`refuses ${method} of an unknown process`, async () => {
      expect(await errorOf(method, { processId: 'absent', ...params })).to.deep.equal({
        code: -32600,
        message: 'unknown process absent',
        data: { kind: 'unknownProcess', processId: 'absent' },
      });
    });
  }

  it('answers other requests for an unknown process without an error', async () => {
    const answers = await Promise.all([
      client.request('process/write', { processId: 'absent', chunk: '' }),
      client.request('process/closeStdin', { processId: 'absent' }),
      client.request('process/signal', { processId: 'absent', signal: 'SIGTERM' }),
      client.request('process/terminate', { processId: 'absent' }),
      client.request('process/acknowledge', { processId: 'absent', seq: 1 }),
    ]);
    expect(answers).to.deep.equal([
      { status: 'unknownProcess' },
      { status: 'unknownProcess' },
      {},
      { running: false },
      {},
    ]);
  });

  it('accepts an acknowledgement of output that was never sent', async () => {
    expect(
      await client.request('process/acknowledge', { processId: 'bystander', seq: 10 ** 9 }),
    ).to.deep.equal({});
  });

  it('refuses process/resize of a process without a terminal', async () => {
    const size = { columns: 80, rows: 24 };
    expect(await errorOf('process/resize', { processId: 'bystander', size })).to.deep.equal({
      code: -32600,
      message: 'processId: process bystander has no terminal',
      data: { kind: 'unsupported', field: 'processId' },
    });
  });

  it('accepts the id of a closed process for a new one', async () => {
    await client.request('process/start', START);
    await client.finished('x');
    expect(await client.request('process/start', START)).to.include({ processId: 'x' });
  });

  it('distinguishes a missing directory from a missing program', async () => {
    const missingCwd = await errorOf('process/start', { ...START, cwd: 'file:///missing/directory' });
    expect(missingCwd).to.deep.equal({
      code: -32603,
      message: 'cwd does not exist: /missing/directory',
      data: { kind: 'launchFailed', stage: 'cwd', errno: 'ENOENT', path: '/missing/directory' },
    });
    const missingProgram = await errorOf('process/start', {
      ...START,
      argv: ['missing'],
      env: { PATH: '/a:/b' },
    });
    expect(missingProgram).to.deep.equal({
      code: -32603,
      message: 'program not found: missing (searched /a:/b)',
      data: {
        kind: 'launchFailed',
        stage: 'resolve',
        errno: 'ENOENT',
        path: 'missing',
        searchedPath: ['/a', '/b'],
        pathFrom: { outcome: 'set', by: 'overlay' },
      },
    });
  });

  it('accepts the id of a failed start for a new process', async () => {
    await errorOf('process/start', { ...START, cwd: '/missing' });
    expect(await client.request('process/start', START)).to.include({ processId: 'x' });
  });

  const refused: Array<[title: string, field: string, fields: object]> = [
    ['sandbox', 'sandbox', { sandbox: { permissions: { type: 'external' } } }],
    ['enforceManagedNetwork', 'enforceManagedNetwork', { enforceManagedNetwork: true }],
    ['mergeStderr on a terminal', 'mergeStderr', { tty: true, mergeStderr: true }],
  ];
  for (const [title, field, fields] of refused) {
    it(`refuses ${title} instead of ignoring it`, async () => {
      const error = await errorOf('process/start', { ...START, ...fields });
      expect(error).to.deep.include({ code: -32600, data: { kind: 'unsupported', field } });
      expect(await client.request('process/start', START)).to.include({ processId: 'x' });
    });
  }

  it('names an unknown method in the error', async () => {
    expect(await errorOf('process/frobnicate', {})).to.deep.equal({
      code: -32601,
      message: 'unknown method process/frobnicate',
      data: { kind: 'unknownMethod', method: 'process/frobnicate' },
    });
  });

  it('refuses a second initialize', async () => {
    expect((await errorOf('initialize', { clientName: 'again' }))?.data).to.deep.equal({
      kind: 'alreadyInitialized',
    });
  });

  it('ignores unknown notifications and responses without a request', async () => {
    const before = client.messages.length;
    client.send({ method: 'process/unheardOf', params: { a: 1 } });
    client.send({ method: '$/cancelRequest', params: { id: 99 } });
    client.send({ id: 12345, result: null });
    await client.request('environment/info');
    expect(client.messages.length).to.equal(before + 1);
  });

  it('accepts absent params, null params and a missing jsonrpc member', async () => {
    for (const message of [{ id: 'a' }, { id: 'b', params: null }, { id: 'c', params: {}, jsonrpc: '2.0' }]) {
      client.send({ method: 'environment/info', ...message });
      const { result } = await client.waitFor('the answer', ({ id }) => id === message.id);
      expect(result.platformOs).to.equal('linux');
    }
  });

  describe('a message', () => {
    const unknownId = framing === 'newline' ? -1 : null;

    /** Sends bytes and returns the error response, after another request that must succeed. */
    const errorFor = async (bytes: Buffer | string) => {
      const from = client.messages.length;
      client.sendBytes(bytes);
      const answer = await client.waitFor(
        'an error answer',
        message => client.messages.indexOf(message) >= from && message.error !== undefined,
      );
      await client.request('environment/info');
      return { id: answer.id, ...errorIn(answer) };
    };

    it('is skipped if it is longer than the limit', async () => {
      const body = Buffer.alloc(64 * 1024 * 1024 + 1, ' ');
      expect(await errorFor(client.frame(body))).to.deep.equal({
        id: unknownId,
        code: -32600,
        message: 'the frame has 67108865 bytes; the limit is 67108864',
        data: { kind: 'frameTooLarge', limit: 'frameBytes', current: 67108865, max: 67108864 },
      });
    });

    const bodies: Array<[title: string, body: Buffer | string, code: number, message: RegExp]> = [
      ['invalid UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), -32700, /not valid UTF-8/],
      ['invalid JSON', '{"secret": planted}', -32700, /^the body is not valid JSON$/],
      ['deep nesting', '['.repeat(100_000) + ']'.repeat(100_000), -32600, /nested deeper than 64 levels/],
      ['a body that is not an object', '"hello"', -32600, /expected a JSON-RPC object, received string/],
      ['neither method nor result', '{}', -32600, /expected a method, a result or an error/],
      ['an empty batch', '[]', -32600, /^a batch is empty$/],
      [
        'a batch that is too long',
        JSON.stringify(Array.from({ length: 129 }, (_, id) => ({ id, method: 'environment/info' }))),
        -32600,
        /^batchMessages: 129 exceeds the limit of 128$/,
      ],
    ];
    const headers: typeof bodies = [
      [
        'a negative length',
        'Content-Length: -5\r\n\r\n',
        -32600,
        /Content-Length: expected a whole number of bytes, received "-5"/,
      ],
      ['a length that is not a number', 'Content-Length: five\r\n\r\n', -32600, /received "five"/],
      [
        'a length beyond the limit of skipped bodies',
        'Content-Length: 9007199254740991\r\n\r\n{}',
        -32600,
        /^the frame has \d+ bytes; the limit is \d+/,
      ],
      ['a header without a length', 'Content-Type: application/json\r\n\r\n', -32600, /no Content-Length/],
      [
        'a line that is not a header',
        'Welcome to devbox!\n',
        -32600,
        /expected a header field, received a line of 18 bytes/,
      ],
      [
        'a header that never ends',
        `X-Filler: ${'x'.repeat(9000)}`,
        -32600,
        /a header is longer than 8192 bytes/,
      ],
      ['an empty body', rawFrame(''), -32700, /not valid JSON/],
    ];
    const lines: typeof bodies = [
      ['a line that is not JSON', 'Welcome to devbox!\n', -32700, /^the body is not valid JSON$/],
    ];
    const refused = [
      ...bodies.map(([title, body, ...answer]) => [title, () => client.frame(body), ...answer] as const),
      ...(framing === 'newline' ? lines : headers).map(
        ([title, bytes, ...answer]) => [title, () => bytes, ...answer] as const,
      ),
    ];
    for (const [title, bytes, code, message] of refused) {
      it(`is answered with an error, and the connection stays open: ${title}`, async () => {
        const error = await errorFor(bytes());
        expect(error.id).to.equal(unknownId);
        expect(error.code).to.equal(code);
        expect(error.message).to.match(message);
      });
    }

    it('is answered with its id if it can be read', async () => {
      client.sendBytes(client.frame('{"id": 77, "method": 5}'));
      const answer = await client.waitFor('the answer', ({ id }) => id === 77);
      expect(errorIn(answer)).to.deep.equal({
        code: -32600,
        message: 'method: expected a string',
        data: { kind: 'invalidMessage' },
      });
    });

    it('in a batch is answered in one batch, in order, as it would be alone', async () => {
      const before = client.messages.length;
      client.send([
        { id: 'a', method: 'environment/info' },
        { method: 'process/unheardOf' },
        { id: 'b', method: 'process/frobnicate' },
        { id: 'c', method: 'process/terminate', params: { processId: 'absent' } },
        7,
        { id: 99, result: null },
        { id: 'd', method: 5 },
        { id: 'e', method: 'process/terminate', params: {} },
      ]);
      const answer = (await client.waitFor('the batch', Array.isArray)) as unknown as RawMessage[];
      expect(client.messages).to.have.lengthOf(before + 1);
      expect(
        answer.map(({ id, result, error }) => [id, error?.code ?? Object.keys(result).length]),
      ).to.deep.equal([
        ['a', 10],
        ['b', -32601],
        ['c', 1],
        [unknownId, -32600],
        ['d', -32600],
        ['e', -32602],
      ]);
    });

    it('in a batch without requests is not answered', async () => {
      const before = client.messages.length;
      client.send([{ method: 'process/unheardOf' }, { id: 99, result: null }]);
      await client.request('environment/info');
      expect(client.messages).to.have.lengthOf(before + 1);
    });

    it('in a batch is processed before messages that follow the batch', async () => {
      client.send([
        { id: 'start', method: 'process/start', params: { ...START, argv: ['cat'], pipeStdin: true } },
        { id: 'write', method: 'process/write', params: { processId: 'x', chunk: 'b25lIA==' } },
      ]);
      client.send({ id: 1000, method: 'process/write', params: { processId: 'x', chunk: 'dHdv' } });
      client.send({ id: 1001, method: 'process/closeStdin', params: { processId: 'x' } });
      await client.waitFor(
        'process/closed',
        ({ method, params }) => method === 'process/closed' && params.processId === 'x',
      );
      const statuses = (await client.waitFor('the batch', Array.isArray)) as unknown as RawMessage[];
      const later = await client.waitFor('the answer', ({ id }) => id === 1000);
      // A write before the end of the start has another status; accepted writes keep their order.
      const written = [statuses[1]?.result.status, later.result.status];
      const expected = [written[0] === 'accepted' ? 'one ' : '', written[1] === 'accepted' ? 'two' : ''].join(
        '',
      );
      expect((await client.finished('x')).stdout.toString()).to.equal(expected);
    });
  });
};

for (const framing of ['contentLength', 'newline'] as const) {
  describe(`exec-server --stdio with invalid input, framing ${framing}`, () => testInvalidInput(framing));
}

describe('exec-server --stdio before initialized', () => {
  let client: RawClient;

  beforeEach(() => {
    client = new RawClient();
  });

  afterEach(() => client.close());

  it('names the missing call', async () => {
    const before = errorIn(await client.ask('process/start', START));
    expect(before).to.deep.equal({
      code: -32600,
      message: 'process/start was received before initialize: send initialize first',
      data: { kind: 'notInitialized', missing: 'initialize' },
    });
    await client.request('initialize', { clientName: 'raw' });
    const between = errorIn(await client.ask('process/start', START));
    expect(between?.data).to.deep.equal({ kind: 'notInitialized', missing: 'initialized' });
  });

  it('names the invalid field of initialize, then accepts a valid one', async () => {
    expect(errorIn(await client.ask('initialize', { clientName: 3 }))?.message).to.equal(
      'clientName: expected string, received number',
    );
    expect(
      errorIn(await client.ask('initialize', { clientName: 'raw', resumeSessionId: 'old' }))?.data,
    ).to.deep.equal({ kind: 'resumeUnavailable' });
    expect(
      errorIn(await client.ask('initialize', { clientName: 'raw', outputWindowBytes: 65_535 })),
    ).to.deep.equal({
      code: -32602,
      message: 'outputWindowBytes: expected at least 65536, received a smaller number',
      data: { kind: 'invalidParams', field: 'outputWindowBytes' },
    });
    expect(
      await client.request('initialize', { clientName: 'raw', outputWindowBytes: 65_536 }),
    ).to.include.keys('sessionId', 'environmentInfo', 'limits');
  });

  it('closes a stream without frames and prints one line', async () => {
    client.sendBytes(Buffer.alloc(2 * 1024 * 1024, 'no frame here\n'));
    await client.ended;
    expect(client.stderr).to.equal(
      'exec-server: cannot read from the connection any more: no frame header in 1048576 bytes\n',
    );
  });
});

const errorIn = ({ error }: RawMessage) => error;

import { expect } from 'chai';
import { RawClient, type RawMessage, rawFrame } from './support/raw-client.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';
const START = { processId: 'x', argv: ['true'], cwd: '/', env: { PATH }, tty: false };

describe('exec-server --stdio and input that is wrong', () => {
  let client: RawClient;

  beforeEach(async () => {
    client = await RawClient.open();
    // Whatever happens, this one goes on.
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

  const errorOf = async (method: string, params?: unknown) => told(await client.ask(method, params));

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
        'an empty processId',
        'process/start',
        { ...START, processId: '' },
        'processId',
        'expected at least 1 character, received a string of 0',
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
      ['params by position', 'process/start', ['x'], 'params', 'expected object, received array'],
      [
        'base64 with a stray character',
        'process/write',
        { processId: 'bystander', chunk: 'YQ=*' },
        'chunk',
        'must be base64 with padding',
      ],
      [
        'base64 without padding',
        'process/write',
        { processId: 'bystander', chunk: 'YQ' },
        'chunk',
        'must be base64 with padding',
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
        'a size that no terminal has',
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
        'a killGraceMs beyond what a timer takes',
        'process/start',
        { ...START, killGraceMs: 2 ** 31 },
        'killGraceMs',
        'expected at most 2147483647, received a larger number',
      ],
      [
        'a drainMs that is no whole number',
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
        'a maxOutputBytes too small for a head and a tail',
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
        'process/resize to nothing',
        'process/resize',
        { processId: 'bystander', size: { columns: 80, rows: 0 } },
        'size.rows',
        'expected at least 1, received a smaller number',
      ],
      [
        'process/read from before the beginning',
        'process/read',
        { processId: 'bystander', afterSeq: -1 },
        'afterSeq',
        'expected at least 0, received a smaller number',
      ],
      [
        'process/acknowledge without a number',
        'process/acknowledge',
        { processId: 'bystander' },
        'seq',
        'expected number, but it is missing',
      ],
    ];
    for (const [title, method, params, field, problem] of cases) {
      it(`names the field: ${title}`, async () => {
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
      'a value that is no string': { A: ['planted'] },
    };
    for (const [title, env] of Object.entries(bad)) {
      for (const where of ['env', 'envPolicy.set']) {
        it(`names ${where} and never a value: ${title}`, async () => {
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
      expect(await errorOf(method, { processId: 'nobody', ...params })).to.deep.equal({
        code: -32600,
        message: 'there is no process nobody',
        data: { kind: 'unknownProcess', processId: 'nobody' },
      });
    });
  }

  it('answers what else is asked about an unknown process', async () => {
    const answers = await Promise.all([
      client.request('process/write', { processId: 'nobody', chunk: '' }),
      client.request('process/closeStdin', { processId: 'nobody' }),
      client.request('process/signal', { processId: 'nobody', signal: 'SIGTERM' }),
      client.request('process/terminate', { processId: 'nobody' }),
      client.request('process/acknowledge', { processId: 'nobody', seq: 1 }),
    ]);
    expect(answers).to.deep.equal([
      { status: 'unknownProcess' },
      { status: 'unknownProcess' },
      {},
      { running: false },
      {},
    ]);
  });

  it('takes an acknowledgement of what was never sent without harm', async () => {
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

  it('gives an id free again when its process is closed', async () => {
    await client.request('process/start', START);
    await client.finished('x');
    expect(await client.request('process/start', START)).to.include({ processId: 'x' });
  });

  it('tells a missing directory from a missing program', async () => {
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
      },
    });
  });

  it('frees the id of a start that failed', async () => {
    await errorOf('process/start', { ...START, cwd: '/missing' });
    expect(await client.request('process/start', START)).to.include({ processId: 'x' });
  });

  const refused: Array<[title: string, field: string, fields: object]> = [
    ['sandbox', 'sandbox', { sandbox: { permissions: {} } }],
    ['enforceManagedNetwork', 'enforceManagedNetwork', { enforceManagedNetwork: true }],
    ['mergeStderr on a terminal', 'mergeStderr', { tty: true, mergeStderr: true }],
    ['another arg0 on a terminal', 'arg0', { tty: true, arg0: '-true' }],
  ];
  for (const [title, field, fields] of refused) {
    it(`refuses ${title} rather than ignoring it`, async () => {
      const error = await errorOf('process/start', { ...START, ...fields });
      expect(error).to.deep.include({ code: -32600, data: { kind: 'unsupported', field } });
      expect(await client.request('process/start', START)).to.include({ processId: 'x' });
    });
  }

  it('names an unknown method', async () => {
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

  it('takes no notice of unknown notifications and of answers to nothing', async () => {
    const before = client.messages.length;
    client.send({ method: 'process/unheardOf', params: { a: 1 } });
    client.send({ method: '$/cancelRequest', params: { id: 99 } });
    client.send({ id: 12345, result: null });
    await client.request('environment/info');
    expect(client.messages.length).to.equal(before + 1);
  });

  it('takes absent params, null params and a missing jsonrpc member', async () => {
    for (const message of [{ id: 'a' }, { id: 'b', params: null }, { id: 'c', params: {}, jsonrpc: '2.0' }]) {
      client.send({ method: 'environment/info', ...message });
      const { result } = await client.waitFor('the answer', ({ id }) => id === message.id);
      expect(result.platformOs).to.equal('linux');
    }
  });

  describe('frames', () => {
    /** Sends bytes and waits for the error with `id: null` that answers them; the connection then still works. */
    const errorFor = async (bytes: Buffer | string) => {
      const from = client.messages.length;
      client.sendBytes(bytes);
      const answer = await client.waitFor(
        'an error answer',
        message => client.messages.indexOf(message) >= from && message.error !== undefined,
      );
      await client.request('environment/info');
      return { id: answer.id, ...told(answer) };
    };

    it('skips a frame over the limit', async () => {
      const body = Buffer.alloc(64 * 1024 * 1024 + 1, ' ');
      expect(await errorFor(rawFrame(body))).to.deep.equal({
        id: null,
        code: -32600,
        message: 'a frame of 67108865 bytes is over the limit of 67108864',
        data: { kind: 'frameTooLarge', limit: 'frameBytes', current: 67108865, max: 67108864 },
      });
    });

    it('does not believe an absurd length', async () => {
      const error = await errorFor('Content-Length: 9007199254740991\r\n\r\n{}');
      expect(error.data?.kind).to.equal('frameTooLarge');
    });

    const refused: Array<[title: string, bytes: Buffer | string, code: number, message: RegExp]> = [
      [
        'a negative length',
        'Content-Length: -5\r\n\r\n',
        -32600,
        /Content-Length: expected a whole number of bytes, received "-5"/,
      ],
      ['a length that is no number', 'Content-Length: five\r\n\r\n', -32600, /received "five"/],
      ['a header without a length', 'Content-Type: application/json\r\n\r\n', -32600, /no Content-Length/],
      [
        'a line that is no header',
        'Welcome to devbox!\n',
        -32600,
        /expected a header field, received "Welcome to devbox!"/,
      ],
      [
        'a header that never ends',
        `X-Filler: ${'x'.repeat(9000)}`,
        -32600,
        /a header is longer than 8192 bytes/,
      ],
      ['invalid UTF-8', rawFrame(Buffer.from([0x7b, 0xff, 0xfe, 0x7d])), -32700, /not valid UTF-8/],
      ['invalid JSON', rawFrame('{"secret": planted}'), -32700, /^the body is not valid JSON$/],
      ['an empty body', rawFrame(''), -32700, /not valid JSON/],
      [
        'deep nesting',
        rawFrame('['.repeat(100_000) + ']'.repeat(100_000)),
        -32600,
        /nested deeper than 64 levels/,
      ],
      [
        'a body that is no object',
        rawFrame('"hello"'),
        -32600,
        /expected a JSON-RPC object, received string/,
      ],
      ['neither method nor result', rawFrame('{}'), -32600, /expected a method, a result or an error/],
    ];
    for (const [title, bytes, code, message] of refused) {
      it(`answers and goes on: ${title}`, async () => {
        const error = await errorFor(bytes);
        expect(error.id).to.equal(null);
        expect(error.code).to.equal(code);
        expect(error.message).to.match(message);
      });
    }

    it('answers a request that can be told by its id under that id', async () => {
      client.sendBytes(rawFrame('{"id": 77, "method": 5}'));
      const answer = await client.waitFor('the answer', ({ id }) => id === 77);
      expect(told(answer)).to.deep.equal({
        code: -32600,
        message: 'method: expected a string',
        data: { kind: 'invalidMessage' },
      });
    });
  });
});

describe('exec-server --stdio before the connection is open', () => {
  let client: RawClient;

  beforeEach(() => {
    client = new RawClient();
  });

  afterEach(() => client.close());

  it('says which call is missing', async () => {
    const before = told(await client.ask('process/start', START));
    expect(before).to.deep.equal({
      code: -32600,
      message: 'process/start came before initialize: send initialize first',
      data: { kind: 'notInitialized', missing: 'initialize' },
    });
    await client.request('initialize', { clientName: 'raw' });
    const between = told(await client.ask('process/start', START));
    expect(between?.data).to.deep.equal({ kind: 'notInitialized', missing: 'initialized' });
  });

  it('names what is wrong with initialize and takes a right one afterwards', async () => {
    expect(told(await client.ask('initialize', { clientName: 3 }))?.message).to.equal(
      'clientName: expected string, received number',
    );
    expect(
      told(await client.ask('initialize', { clientName: 'raw', resumeSessionId: 'old' }))?.data,
    ).to.deep.equal({ kind: 'resumeUnavailable' });
    expect(
      told(await client.ask('initialize', { clientName: 'raw', outputWindowBytes: 65_535 })),
    ).to.deep.equal({
      code: -32602,
      message: 'outputWindowBytes: expected at least 65536, received a smaller number',
      data: { kind: 'invalidParams', field: 'outputWindowBytes' },
    });
    expect(
      await client.request('initialize', { clientName: 'raw', outputWindowBytes: 65_536 }),
    ).to.include.keys('sessionId', 'environmentInfo', 'limits');
  });

  it('closes a stream in which no frame can be found, with one clear line', async () => {
    client.sendBytes(Buffer.alloc(2 * 1024 * 1024, 'no frame here\n'));
    await client.ended;
    expect(client.stderr).to.equal(
      "exec-server: the connection can't be read any further: no frame header in 1048576 bytes\n",
    );
  });
});

const told = ({ error }: RawMessage) => error;

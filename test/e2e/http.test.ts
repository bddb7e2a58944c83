import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { expect } from 'chai';
import { RawClient, type RawMessage } from './support/raw-client.ts';

/** A request as the web server received it. */
type Received = { method: string; url: string; rawHeaders: string[]; body: string };

/** Variables of the server. */
const planted = {
  PLANTED_TOKEN: 's3cret',
  PLANTED_UTF8: 'ü',
  PLANTED_EMPTY: '',
  PLANTED_LINES: 'one\ntwo',
  PLANTED_LONG: 'x'.repeat(100_000),
  OPENAI_IDENTITY_TOKEN_FILE: 'planted',
};

describe('http/request', () => {
  let web: Server;
  let origin: string;
  let received: Received[];
  let open: Set<IncomingMessage>;
  let respond: (request: IncomingMessage, response: ServerResponse) => void;
  let client: RawClient;
  let ids: number;

  before(async () => {
    web = createServer(async (request, response) => {
      open.add(request);
      response.on('close', () => open.delete(request));
      let body = '';
      for await (const chunk of request) body += chunk;
      received.push({
        method: request.method ?? '',
        url: request.url ?? '',
        rawHeaders: request.rawHeaders,
        body,
      });
      respond(request, response);
    });
    web.listen(0, '127.0.0.1');
    await once(web, 'listening');
    origin = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
  });

  after(() => {
    web.closeAllConnections();
    web.close();
  });

  beforeEach(async () => {
    received = [];
    open = new Set();
    ids = 0;
    respond = (_, response) => response.end('hello');
    client = await RawClient.open({ env: { ...process.env, ...planted } });
  });

  afterEach(async () => {
    await client.close();
    expect(client.strayBytes).to.equal('');
  });

  const get = (path: string, more: object = {}) => ({
    requestId: `r${++ids}`,
    method: 'GET',
    url: `${origin}${path}`,
    headers: [],
    redirectPolicy: 'follow',
    ...more,
  });

  const ask = (path: string, more?: object) => client.request('http/request', get(path, more));
  const errorOf = async (path: string, more?: object) =>
    (await client.ask('http/request', get(path, more))).error;
  const text = ({ bodyBase64 }: { bodyBase64: string }) => Buffer.from(bodyBase64, 'base64').toString();

  const deltasOf = (requestId: string): RawMessage['params'][] =>
    client.messages
      .filter(({ method, params }) => method === 'http/request/bodyDelta' && params.requestId === requestId)
      .map(({ params }) => params);

  const streamed = (requestId: string) =>
    client.waitFor(
      'the last delta',
      ({ method, params }) =>
        method === 'http/request/bodyDelta' && params.requestId === requestId && params.done,
    );

  it('sends the request and answers with status, headers and body, byte for byte', async () => {
    respond = (_, response) => {
      response.writeHead(418, ['X-Twice', '1', 'x-twice', '2', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']);
      response.end(Buffer.from([0, 0xff, 0x0a]));
    };
    const answer = await ask('/path?q=1', {
      method: 'post',
      headers: [
        { name: 'X-Many', value: 'one' },
        { name: 'X-Many', value: 'two' },
        { name: 'Content-Length', value: '999' },
        { name: 'Host', value: 'elsewhere.example' },
      ],
      bodyBase64: Buffer.from('body').toString('base64'),
    });
    expect(answer.status).to.equal(418);
    expect(answer.headers.slice(0, 4)).to.deep.equal([
      { name: 'x-twice', value: '1' },
      { name: 'x-twice', value: '2' },
      { name: 'set-cookie', value: 'a=1' },
      { name: 'set-cookie', value: 'b=2' },
    ]);
    expect(Buffer.from(answer.bodyBase64, 'base64')).to.deep.equal(Buffer.from([0, 0xff, 0x0a]));
    expect(received).to.deep.equal([
      {
        method: 'POST',
        url: '/path?q=1',
        rawHeaders: [
          ...['X-Many', 'one', 'X-Many', 'two', 'Host', 'elsewhere.example'],
          ...['Connection', 'close', 'Content-Length', '4'],
        ],
        body: 'body',
      },
    ]);
  });

  it('returns a compressed body unchanged', async () => {
    respond = (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('not really');
    const answer = await ask('/');
    expect(answer.headers).to.deep.include({ name: 'content-encoding', value: 'gzip' });
    expect(text(answer)).to.equal('not really');
  });

  describe('redirects', () => {
    beforeEach(() => {
      respond = ({ url = '' }, response) => {
        const [, status, target = ''] = /^\/to\/(\d+)\/(.*)$/.exec(url) ?? [];
        if (status === undefined) response.end(`at ${url}`);
        else response.writeHead(Number(status), { location: decodeURIComponent(target) }).end('gone');
      };
    });

    const to = (status: number, target: string) => `/to/${status}/${encodeURIComponent(target)}`;

    it('are returned, not followed, with redirectPolicy stop', async () => {
      const answer = await ask(to(302, '/next'), { redirectPolicy: 'stop' });
      expect([answer.status, text(answer), received.length]).to.deep.equal([302, 'gone', 1]);
    });

    const post = {
      method: 'POST',
      bodyBase64: 'Ym9keQ==',
      headers: [{ name: 'Content-Type', value: 'a/b' }],
    };
    for (const [status, method, body] of [
      [301, 'GET', ''],
      [302, 'GET', ''],
      [303, 'GET', ''],
      [307, 'POST', 'body'],
      [308, 'POST', 'body'],
    ] as const) {
      it(`with status ${status} turn POST into ${method}`, async () => {
        expect(text(await ask(to(status, '/next'), post))).to.equal('at /next');
        expect(received.map(({ method, body }) => [method, body])).to.deep.equal([
          ['POST', 'body'],
          [method, body],
        ]);
        expect(received[1]?.rawHeaders.includes('Content-Type')).to.equal(body !== '');
      });
    }

    it('keep credentials on the same origin only', async () => {
      const other = origin.replace('127.0.0.1', 'localhost');
      const headers = [
        { name: 'Authorization', value: 'Bearer planted' },
        { name: 'Cookie', value: 'planted' },
        { name: 'X-Kept', value: 'yes' },
      ];
      await ask(to(302, '/next'), { headers });
      await ask(to(302, `${other}/next`), { headers });
      const sent = received.map(({ rawHeaders }) =>
        ['Authorization', 'Cookie', 'X-Kept'].filter(name => rawHeaders.includes(name)),
      );
      const all = ['Authorization', 'Cookie', 'X-Kept'];
      expect(sent).to.deep.equal([all, all, all, ['X-Kept']]);
    });

    it('keep values of variables on the same origin only', async () => {
      const other = origin.replace('127.0.0.1', 'localhost');
      const headers = [{ name: 'X-Key', value: '', valueEnvVar: 'PLANTED_TOKEN' }];
      await ask(to(302, '/next'), { headers });
      await ask(to(302, `${other}/next`), { headers });
      expect(received.map(({ rawHeaders }) => rawHeaders.includes('X-Key'))).to.deep.equal([
        true,
        true,
        true,
        false,
      ]);
    });

    it('fail after ten', async () => {
      respond = (_, response) => response.writeHead(302, { location: '/again' }).end();
      expect((await errorOf('/'))?.data).to.deep.include({
        kind: 'httpFailed',
        reason: 'more than 10 redirects',
      });
      expect(received).to.have.lengthOf(11);
    });

    it('to a URL other than http or https are refused', async () => {
      expect((await errorOf(to(302, 'file:///etc/passwd')))?.data).to.deep.include({
        kind: 'httpFailed',
        reason: 'redirected to a URL other than http or https',
      });
    });
  });

  describe('with streamResponse', () => {
    it('answers with the headers, then sends the complete body in order', async () => {
      const body = Buffer.alloc(3 * 1024 * 1024, 'abcdefgh');
      respond = (_, response) => response.end(body);
      const answer = await ask('/', { streamResponse: true });
      expect(answer).to.include({ status: 200, bodyBase64: '' });
      await streamed('r1');
      const deltas = deltasOf('r1');
      expect(deltas.map(({ seq }) => seq)).to.deep.equal(deltas.map((_, at) => at + 1));
      expect(deltas.map(({ done }) => done)).to.deep.equal(deltas.map((_, at) => at === deltas.length - 1));
      expect(
        Buffer.concat(deltas.map(({ deltaBase64 }) => Buffer.from(deltaBase64, 'base64'))),
      ).to.deep.equal(body);
      const answered = client.messages.findIndex(({ result }) => result?.status === 200);
      expect(answered).to.be.below(
        client.messages.findIndex(({ method }) => method === 'http/request/bodyDelta'),
      );
    });

    it('answers before the body arrives', async () => {
      let finish = () => {};
      respond = (_, response) => {
        response.write('first ');
        finish = () => response.end('last');
      };
      await ask('/', { streamResponse: true });
      finish();
      await streamed('r1');
      expect(
        deltasOf('r1')
          .map(({ deltaBase64 }) => Buffer.from(deltaBase64, 'base64').toString())
          .join(''),
      ).to.equal('first last');
    });

    it('reports a body that broke off', async () => {
      respond = (_, response) => {
        response.writeHead(200, { 'content-length': '100' }).write('part');
        setImmediate(() => response.destroy());
      };
      await ask('/', { streamResponse: true });
      const { params } = await streamed('r1');
      expect(params).to.deep.include({
        deltaBase64: '',
        done: true,
        error: 'the connection was closed before the end of the response',
      });
    });

    it('refuses the requestId of another request until its last delta', async () => {
      let finish = () => {};
      respond = (_, response) => {
        response.flushHeaders();
        finish = () => response.end();
      };
      await ask('/', { streamResponse: true });
      expect(await errorOf('/', { requestId: 'r1' })).to.deep.equal({
        code: -32602,
        message: 'HTTP request r1 is still in progress',
        data: { kind: 'httpRequestExists', requestId: 'r1' },
      });
      finish();
      await streamed('r1');
      respond = (_, response) => response.end('again');
      expect(text(await ask('/', { requestId: 'r1' }))).to.equal('again');
    });

    it('stops reading the body while the client does not read', async () => {
      let written = 0;
      respond = (_, response) => {
        const fill = () => {
          while (response.write(Buffer.alloc(65_536))) written += 65_536;
          written += 65_536;
          if (written < 512 * 1024 * 1024) response.once('drain', fill);
          else response.end();
        };
        fill();
      };
      await ask('/', { streamResponse: true });
      client.server.stdout.pause();
      // Waits until the amount is constant.
      for (let before = -1; written !== before; ) {
        before = written;
        await new Promise(resolve => setTimeout(resolve, 300));
      }
      expect(written).to.be.below(64 * 1024 * 1024);
      client.server.stdout.resume();
    });
  });

  it('times out after timeoutMs, before the headers and in the body', async () => {
    respond = () => {};
    expect(await errorOf('/', { timeoutMs: 50 })).to.deep.equal({
      code: -32603,
      message: `HTTP request to ${new URL(origin).host} failed: timed out after 50 ms`,
      data: {
        kind: 'httpFailed',
        host: new URL(origin).host,
        reason: 'timed out after 50 ms',
      },
    });
    respond = (_, response) => response.write('part');
    expect((await errorOf('/', { timeoutMs: 200 }))?.data).to.include({ reason: 'timed out after 200 ms' });
    // The timeout includes the wait for the headers: a longer one is needed to reach the body.
    for (let timeoutMs = 200; ; timeoutMs *= 2) {
      const tooLate = await errorOf('/', { timeoutMs, streamResponse: true });
      const reason = `timed out after ${timeoutMs} ms`;
      if (tooLate !== undefined) {
        expect(tooLate.data).to.include({ reason });
        continue;
      }
      expect((await streamed(`r${ids}`)).params.error).to.equal(reason);
      return;
    }
  });

  it('reports why there is no response, without the rest of the URL', async () => {
    const closed = createTcpServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    closed.close();
    await once(closed, 'close');
    const error = await errorOf('', { url: `http://user:planted@127.0.0.1:${port}/?token=planted` });
    expect(error).to.deep.equal({
      code: -32603,
      message: `HTTP request to 127.0.0.1:${port} failed: ECONNREFUSED`,
      data: { kind: 'httpFailed', host: `127.0.0.1:${port}`, reason: 'ECONNREFUSED', errno: 'ECONNREFUSED' },
    });
  });

  it('reports a response that is not HTTP', async () => {
    const garbage = createTcpServer(socket => socket.end('garbage\n')).listen(0, '127.0.0.1');
    await once(garbage, 'listening');
    const error = await errorOf('', { url: `http://127.0.0.1:${(garbage.address() as AddressInfo).port}/` });
    expect(error?.data).to.include({ kind: 'httpFailed', errno: 'HPE_INVALID_CONSTANT' });
    garbage.close();
  });

  it('refuses a body longer than the limit', async () => {
    respond = (_, response) => response.end(Buffer.alloc(33 * 1024 * 1024));
    expect((await errorOf('/'))?.data).to.deep.include({
      kind: 'limitExceeded',
      limit: 'httpBodyBytes',
      max: 32 * 1024 * 1024,
    });
  });

  it('refuses more concurrent requests than the announced limit', async () => {
    respond = () => {};
    for (let count = 0; count < 64; count += 1) {
      client.send({ id: `h${count}`, method: 'http/request', params: get('/') });
    }
    expect((await errorOf('/'))?.data).to.deep.equal({
      kind: 'limitExceeded',
      limit: 'httpRequests',
      current: 65,
      max: 64,
    });
  });

  it('aborts its requests when the connection closes', async () => {
    respond = (_, response) => response.write('part');
    await ask('/', { streamResponse: true });
    client.send({ id: 'waiting', method: 'http/request', params: get('/') });
    while (open.size < 2) await once(web, 'request');
    // With or without an error: the end of a response may arrive after its connection is closed.
    const closed = [...open].map(({ socket }) => new Promise<void>(resolve => socket.once('close', resolve)));
    expect(await client.close()).to.equal(0);
    await Promise.all(closed);
  });

  describe('with headers that name variables of the server', () => {
    const valuesOf = async (...headers: object[]) => {
      await ask('/', { headers: headers.map(header => ({ name: 'X-Key', value: '', ...header })) });
      const { rawHeaders = [] } = received.at(-1) ?? {};
      return rawHeaders.filter((_, at) => rawHeaders[at - 1] === 'X-Key');
    };

    it('sends the value after that of the header', async () => {
      expect(
        await valuesOf(
          { valueEnvVar: 'PLANTED_TOKEN' },
          { value: 'Bearer ', valueEnvVar: 'PLANTED_TOKEN' },
          { value: 'own', valueEnvVar: null },
          { valueEnvVar: 'PLANTED_UTF8' },
        ),
        // Node's server decodes each byte as a character.
      ).to.deep.equal(['s3cret', 'Bearer s3cret', 'own', Buffer.from('ü').toString('latin1')]);
    });

    const refused: Array<[name: string, problem: string]> = [
      ['PLANTED_MISSING', 'of the server is not set'],
      ['', 'of the server is not set'],
      ...(process.platform === 'win32'
        ? []
        : [['planted_token', 'of the server is not set'] as [string, string]]),
      ['OPENAI_IDENTITY_TOKEN_FILE', 'of the server is not set'],
      ['PLANTED_EMPTY', 'of the server is empty'],
      ['PLANTED_LINES', 'contains a character that is not allowed in an HTTP header'],
    ];
    for (const [valueEnvVar, problem] of refused) {
      it(`sends nothing if the value cannot be used: ${JSON.stringify(valueEnvVar)}`, async () => {
        const headers = [
          { name: 'a', value: 'b' },
          { name: 'X-Key', value: 'Bearer ', valueEnvVar },
        ];
        const field = 'headers[1].valueEnvVar';
        expect(await errorOf('/', { headers })).to.deep.equal({
          code: -32602,
          message: `${field}: environment variable ${JSON.stringify(valueEnvVar)} ${problem}`,
          data: { kind: 'invalidParams', field },
        });
        expect(received).to.deep.equal([]);
      });
    }

    it('limits the length of all headers together with the values', async () => {
      const header = { name: 'a', value: '', valueEnvVar: 'PLANTED_LONG' };
      expect((await errorOf('/', { headers: [header, header, header] }))?.data).to.deep.equal({
        kind: 'invalidParams',
        field: 'headers',
      });
    });

    it('has no value in errors of the exchange', async () => {
      respond = (_, response) => response.destroy();
      const headers = [{ name: 'a', value: '', valueEnvVar: 'PLANTED_TOKEN' }];
      expect(JSON.stringify(await errorOf('/', { headers }))).not.to.contain(planted.PLANTED_TOKEN);
    });
  });

  const wrong: Array<[title: string, params: object, field: string, problem: string]> = [
    ['another scheme', { url: 'file:///etc/passwd' }, 'url', 'expected an http or https URL'],
    ['no URL', { url: 'planted' }, 'url', 'expected an http or https URL'],
    ['an unknown method', { method: 'FETCH' }, 'method', 'expected an HTTP method other than CONNECT'],
    ['CONNECT', { method: 'connect' }, 'method', 'expected an HTTP method other than CONNECT'],
    [
      'a bad header name',
      { headers: [{ name: 'a b', value: 'planted' }] },
      'headers[0].name',
      'expected an HTTP header name',
    ],
    [
      'a line break in a header',
      { headers: [{ name: 'a', value: 'planted\r\nb: c' }] },
      'headers[0].value',
      'contains a character that is not allowed in an HTTP header',
    ],
    ['bad base64', { bodyBase64: 'YQ' }, 'bodyBase64', 'expected base64 with padding'],
  ];
  for (const [title, params, field, problem] of wrong) {
    it(`names the invalid field: ${title}`, async () => {
      expect(await errorOf('/', params)).to.deep.equal({
        code: -32602,
        message: `${field}: ${problem}`,
        data: { kind: 'invalidParams', field },
      });
      expect(received).to.deep.equal([]);
    });
  }
});

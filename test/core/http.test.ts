import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { expect } from 'chai';
import { RequestError } from '../../src/core/errors.ts';
import type { ExecClient } from '../../src/core/exec-client.ts';
import { connectEmbedded } from '../../src/embedded/index.ts';
import { until } from '../support/until.ts';
import { connectFake } from './support/fake-server.ts';

const rejection = (promise: Promise<unknown>): Promise<Error & { kind?: string }> =>
  promise.then(
    () => new Error('did not reject'),
    (error: Error) => error,
  );

describe('http', () => {
  let client: ExecClient;
  let server: Server;
  let url: string;

  before(async () => {
    client = await connectEmbedded();
    server = createServer(async (request, response) => {
      if (request.url === '/moved') {
        response.writeHead(302, { location: '/' }).end();
      } else if (request.url === '/long') {
        response.end(Buffer.alloc(3_000_000, 'x'));
      } else if (request.url === '/broken') {
        response.write('begun');
        setTimeout(() => response.destroy(), 20);
      } else {
        const body = await text(request);
        response.writeHead(418, {
          'x-method': request.method,
          'x-header': request.headers['x-header'] ?? '',
        });
        response.end(`body: ${body}`);
      }
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  after(async () => {
    await client.close();
    server.close();
  });

  for (const headers of [{ 'X-Header': 'h' }, [{ name: 'X-Header', value: 'h' }]]) {
    it(`sends method, headers as ${Array.isArray(headers) ? 'a list' : 'an object'}, and body`, async () => {
      const response = await client.http(url, { method: 'POST', headers, body: 'ü' });
      expect([response.status, response.body.toString()]).to.deep.equal([418, 'body: ü']);
      expect(response.headers).to.deep.include.members([
        { name: 'x-method', value: 'POST' },
        { name: 'x-header', value: 'h' },
      ]);
    });
  }

  it('follows redirections, unless redirect is stop', async () => {
    expect((await client.http(`${url}/moved`)).status).to.equal(418);
    expect((await client.http(`${url}/moved`, { redirect: 'stop' })).status).to.equal(302);
  });

  it('streams a body, several at a time', async () => {
    const responses = await Promise.all([client.httpStream(`${url}/long`), client.httpStream(url)]);
    expect(responses.map(({ status }) => status)).to.deep.equal([200, 418]);
    const [long, short] = await Promise.all(responses.map(({ body }) => buffer(body)));
    expect([long?.length, short?.toString()]).to.deep.equal([3_000_000, 'body: ']);
  });

  it('fails a body that breaks, and one of which too much is not read', async () => {
    const { body } = await client.httpStream(`${url}/broken`);
    expect(await rejection(text(body))).to.include({ kind: 'httpFailed' });
    const long = await client.httpStream(`${url}/long`, { maxUnreadBytes: 100_000 });
    await until(() => long.body.destroyed, 'the body has not failed');
    expect(long.body.errored).to.include({ kind: 'limitExceeded' });
  });

  it('rejects if there is no response', async () => {
    for (const failing of [
      client.http('http://127.0.0.1:1/'),
      client.httpStream('http://127.0.0.1:1/', { timeoutMs: 60_000 }),
    ]) {
      expect(await rejection(failing)).to.be.instanceOf(RequestError);
    }
  });

  it('fails a body with parts missing, and every body when the connection is lost', async () => {
    const { client: remote, server: fake } = await connectFake();
    fake.answers.set('http/request', ({ id }) => [
      { id, result: { status: 200, headers: [], bodyBase64: '' } },
    ]);
    const delta = (requestId: string, seq: number) => ({
      method: 'http/request/bodyDelta',
      params: { requestId, seq, deltaBase64: 'eA==', done: false, error: null },
    });
    const [gap, lost] = [await remote.httpStream('http://a/'), await remote.httpStream('http://a/')];
    const reading = [rejection(text(gap.body)), rejection(text(lost.body))];
    fake.send(delta('h1', 1), delta('h1', 3), delta('unknown', 1));
    fake.end();
    expect((await Promise.all(reading)).map(({ message }) => message)).to.deep.equal([
      'HTTP request to a failed: a part of the body is missing',
      'the connection to memory was lost',
    ]);
  });
});

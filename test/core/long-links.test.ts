import { finished } from 'node:stream/promises';
import { expect } from 'chai';
import { until } from '../support/until.ts';
import { connectFake, type FakeServer, INFO, output } from './support/fake-server.ts';

const MIB = 1024 * 1024;
const LIMITS = { memoryBytes: 192 * MIB, outputWindowBytes: 32 * MIB };

const announceLimits = (server: FakeServer): void => {
  server.answers.set('initialize', ({ id }) => [
    { id, result: { sessionId: 's', environmentInfo: INFO, limits: LIMITS } },
  ]);
};

const connected = () => connectFake('remote', {}, announceLimits);

const requestsOf = (server: FakeServer, method: string) =>
  server.received.filter(request => request.method === method);

describe('a client on a link with a long round trip', () => {
  it('sends 16 MiB of stdin and its end before the first write is answered', async () => {
    const { client, server } = await connected();
    const { stdin } = await client.start({ argv: ['cat'], stdin: true });
    stdin?.end(Buffer.alloc(16 * MIB));
    await until(() => requestsOf(server, 'process/closeStdin').length === 1, 'the end was not sent');
    const methods = server.received.slice(-17).map(({ method }) => method);
    expect(methods).to.deep.equal([...Array(16).fill('process/write'), 'process/closeStdin']);
    server.send({ id: server.received.at(-1)?.id, result: { status: 'accepted' } });
    for (const { id } of requestsOf(server, 'process/write'))
      server.send({ id, result: { status: 'accepted' } });
    await finished(stdin as NonNullable<typeof stdin>);
    await client.close();
  });

  it('sends each key when it is typed, before the ones before it are answered', async () => {
    const { client, server } = await connected();
    const { stdin } = await client.start({ argv: ['sh'], tty: true });
    for (const key of 'ls\r') stdin?.write(key);
    await until(() => requestsOf(server, 'process/write').length > 0, 'no key was sent');
    stdin?.write('x');
    await until(
      () =>
        Buffer.concat(
          requestsOf(server, 'process/write').map(({ params }) => Buffer.from(params.chunk, 'base64')),
        ).toString() === 'ls\rx',
      'not all keys were sent',
    );
    await client.close();
  });

  it('writes a file with 16 blocks under way', async () => {
    const { client, server } = await connected();
    server.answers.set('fs/open', ({ id, params }) => [{ id, result: { handleId: params.handleId } }]);
    const file = client.files.createWriteStream('/f').on('error', () => {});
    file.end(Buffer.alloc(16 * MIB));
    await until(() => requestsOf(server, 'fs/writeBlock').length === 16, 'not all blocks were sent');
    await client.close();
  });

  it('reads a file with up to 32 blocks under way', async () => {
    const { client, server } = await connected();
    server.answers.set('fs/open', ({ id, params }) => [{ id, result: { handleId: params.handleId } }]);
    const block = Buffer.alloc(MIB).toString('base64');
    const reader = client.files.createReadStream('/f').resume();
    reader.on('error', () => {});
    let answered = 0;
    for (const requested of [1, 5, 18, 35]) {
      await until(
        () => requestsOf(server, 'fs/readBlock').length >= requested,
        () => `${requestsOf(server, 'fs/readBlock').length} blocks are requested`,
      );
      if (requested === 35) break;
      for (const { id } of requestsOf(server, 'fs/readBlock').slice(answered, answered + 1)) {
        server.send({ id, result: { chunk: block, eof: false } });
        answered += 1;
      }
    }
    expect(requestsOf(server, 'fs/readBlock').length - answered).to.equal(32);
    await client.close();
  });

  it('enlarges the window of output that is read, and acknowledges an eighth of it at a time', async () => {
    const { client, server } = await connected();
    server.answers.set('process/acknowledge', ({ id }) => [{ id, result: {} }]);
    const child = await client.start({ argv: ['cat'] });
    const reading = (async () => {
      for await (const _ of child.output);
    })().catch(() => {});
    const chunk = Buffer.alloc(64 * 1024);
    const acknowledged = () => requestsOf(server, 'process/acknowledge').map(({ params }) => params);
    for (let seq = 1; acknowledged().at(-1)?.windowBytes !== 32 * MIB; seq += 1) {
      server.send(output('1', chunk, seq));
      await until(() => child.unreadBytes === 0, 'output is not read');
      expect(seq).to.be.below(200);
    }
    const sizes = acknowledged().map(({ windowBytes }) => windowBytes / MIB);
    expect(sizes.slice(0, 4)).to.deep.equal([2, 3, 4.5, 6.75]);
    await client.close();
    await reading;
  });

  it('keeps the window of output that is not read', async () => {
    const { client, server } = await connected();
    server.answers.set('process/acknowledge', ({ id }) => [{ id, result: {} }]);
    const child = await client.start({ argv: ['cat'] });
    for (let seq = 1; seq <= 16; seq += 1) server.send(output('1', Buffer.alloc(64 * 1024), seq));
    await until(() => child.unreadBytes === MIB, 'not all has arrived');
    const reader = child.output[Symbol.asyncIterator]();
    for (let read = 1; read <= 8; read += 1) await reader.next();
    await until(() => requestsOf(server, 'process/acknowledge').length === 2, 'not acknowledged');
    expect(requestsOf(server, 'process/acknowledge').map(({ params }) => params)).to.deep.equal([
      { processId: '1', seq: 4 },
      { processId: '1', seq: 8 },
    ]);
    await client.close();
  });
});

import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { RawClient, type RawFraming } from './support/raw-client.ts';
import { requireSandbox } from './support/sandboxes.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';

/** JSON text with the member __proto__: JSON treats it like any other name, an object literal does not. */
const withProto = (value: string | null, more: object = {}): object =>
  JSON.parse(
    JSON.stringify(more)
      .replace(/\}$/, `,"__proto__":${JSON.stringify(value)}}`)
      .replace('{,', '{'),
  );

describe('a variable named __proto__', () => {
  let client: RawClient;
  before(async () => {
    client = await RawClient.open({
      env: Object.fromEntries([
        ['PATH', PATH],
        ['__proto__', 'base'],
      ]),
    });
  });
  after(() => client.close());

  let starts = 0;
  const environmentOf = async (params: object): Promise<string[]> => {
    const processId = `p${starts++}`;
    await client.request('process/start', { processId, argv: ['env'], cwd: '/', ...params });
    const { stdout, pty } = await client.finished(processId);
    return `${stdout}${pty}`.split(/\r?\n/).filter(line => /^(__proto__|A)=/.test(line));
  };

  for (const tty of [false, true]) {
    it(`reaches a child ${tty ? 'on a terminal' : 'on pipes'} from any source`, async () => {
      expect([
        await environmentOf({ tty, env: withProto('exact', { PATH, A: '1' }) }),
        await environmentOf({ tty, envPolicy: {} }),
        await environmentOf({ tty, envPolicy: { set: withProto('set', { A: '2' }) } }),
        await environmentOf({ tty, envPolicy: { set: withProto('set') }, env: withProto('overlay') }),
        await environmentOf({ tty, envPolicy: {}, env: withProto(null) }),
        await environmentOf({ tty, envPolicy: { exclude: ['__PROTO__'] } }),
      ]).to.deep.equal([
        ['A=1', '__proto__=exact'],
        ['__proto__=base'],
        ['__proto__=set', 'A=2'],
        ['__proto__=overlay'],
        [],
        [],
      ]);
    });
  }

  it('reaches a sandboxed child', async function () {
    requireSandbox(this);
    const root = { path: { type: 'special', value: { kind: 'root' } }, access: 'read' };
    const file_system = { type: 'restricted', entries: [root] };
    const sandbox = { permissions: { type: 'managed', file_system, network: 'restricted' } };
    expect(await environmentOf({ sandbox, env: withProto('exact', { PATH }) })).to.deep.equal([
      '__proto__=exact',
    ]);
  });

  it('appears in environment/explain', async () => {
    const params = { envPolicy: {}, env: withProto('x'), names: ['__proto__'] };
    const { variables } = await client.request('environment/explain', params);
    expect(Object.entries(variables)).to.deep.equal([['__proto__', { outcome: 'set', by: 'overlay' }]]);
  });
});

describe('ids', () => {
  /** Texts: the longest as JSON, one with multibyte characters, an empty one, and others. */
  const ids = ['\u0001'.repeat(4096), `${'€'.repeat(1365)}"`, '', ' a/b\0 '];
  let directory: string;
  before(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-ids-')));
    writeFileSync(join(directory, 'f'), 'text');
  });
  after(() => rmSync(directory, { recursive: true }));

  for (const framing of ['contentLength', 'binary', 'newline'] satisfies RawFraming[]) {
    describe(`with ${framing} framing`, () => {
      let client: RawClient;
      before(async () => {
        client = await RawClient.open({ framing });
      });
      after(() => client.close());

      for (const [at, processId] of ids.entries()) {
        it(`identify a process and its writes, text ${at}`, async () => {
          await client.request('process/start', {
            processId,
            argv: ['cat'],
            cwd: '/',
            env: { PATH },
            pipeStdin: true,
          });
          const write = { processId, chunk: 'aGk=', writeId: processId };
          expect([
            await client.request('process/write', write),
            await client.request('process/write', write),
            await client.request('process/closeStdin', { processId }),
          ]).to.deep.equal([{ status: 'accepted' }, { status: 'accepted' }, { status: 'accepted' }]);
          const { stdout } = await client.finished(processId);
          const { chunks } = await client.request('process/read', { processId });
          const { processes } = await client.request('process/list');
          expect([
            String(stdout),
            chunks.map(({ chunk }: { chunk: string }) => chunk),
            processes.some((process: { processId: string }) => process.processId === processId),
          ]).to.deep.equal(['hi', ['aGk='], true]);
        });

        it(`identify a request, text ${at}`, async () => {
          client.send({ jsonrpc: '2.0', id: processId, method: 'process/list' });
          const { result } = await client.waitFor('the answer', ({ id }) => id === processId);
          expect(result).to.have.property('processes');
        });
      }

      it('of requests are refused if longer than 4 KiB', async () => {
        const unknown = framing === 'newline' ? -1 : null;
        const from = client.messages.length;
        client.send({ jsonrpc: '2.0', id: 'x'.repeat(4097), method: 'process/list' });
        await client.waitFor('the refusal', ({ id, error }) => id === unknown && error !== undefined);
        expect(client.messages[from]?.error).to.deep.include({
          code: -32600,
          message: 'id: expected a string of at most 4096 bytes or a number, received a string of 4097 bytes',
        });
      });

      it('of open files are texts of up to 32 bytes', async () => {
        const path = join(directory, 'f');
        for (const handleId of ['', 'h'.repeat(32), '\0'.repeat(32), '€'.repeat(10)]) {
          const opened = await client.request('fs/open', { handleId, path });
          const read = await client.request('fs/readBlock', { handleId, offset: 0, len: 9 });
          await client.request('fs/close', { handleId });
          expect([opened, read]).to.deep.equal([{ handleId }, { chunk: 'dGV4dA==', eof: true }]);
        }
        const refused = ['fs/open', 'fs/readBlock', 'fs/writeBlock', 'fs/close'].map(async method => {
          const params = {
            handleId: '€'.repeat(11),
            path: join(directory, 'nope'),
            offset: 0,
            len: 1,
            chunk: 'AA==',
          };
          return (await client.ask(method, params)).error;
        });
        for (const error of await Promise.all(refused)) {
          expect(error).to.deep.equal({
            code: -32600,
            message: 'handleId: expected 0 to 32, received 33',
            data: { kind: 'outOfRange', field: 'handleId', current: 33, min: 0, max: 32 },
          });
        }
      });
    });
  }

  it('identify HTTP requests, one each at a time', async () => {
    const server = createServer((_, response) => response.write('part')).listen(0, '127.0.0.1');
    const client = await RawClient.open();
    try {
      if (!server.listening) await new Promise(resolve => server.once('listening', resolve));
      const { port } = server.address() as AddressInfo;
      for (const requestId of ids) {
        const params = { requestId, method: 'GET', url: `http://127.0.0.1:${port}/`, streamResponse: true };
        await client.request('http/request', params);
        expect((await client.ask('http/request', params)).error).to.deep.include({ code: -32602 });
        await client.waitFor('the body', ({ params: sent }) => sent?.requestId === requestId);
      }
    } finally {
      await client.close();
      server.closeAllConnections();
      server.close();
    }
  });
});

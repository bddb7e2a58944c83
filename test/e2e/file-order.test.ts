import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { RawClient, type RawMessage } from './support/raw-client.ts';
import { at, entry, requireSandbox, sandboxOf, special } from './support/sandboxes.ts';

type Call = readonly [method: string, params: object, answer: unknown];

const NOT_THERE = -32004;
const ROUNDS = 40;

describe('file requests that are sent together', () => {
  let directory: string;
  let client: RawClient;
  before(async () => {
    directory = realpathSync(mkdtempSync('/var/tmp/exec-server-order-'));
    client = await RawClient.open();
  });
  after(async () => {
    await client.close();
    rmSync(directory, { recursive: true });
  });

  let ids = 0;
  const toRequest = ([method, params]: Call) => ({ jsonrpc: '2.0', id: `o${ids++}`, method, params });

  const answers = (sent: ReadonlyArray<{ id: string }>): Promise<RawMessage[]> =>
    Promise.all(sent.map(({ id }) => client.waitFor(`the answer ${id}`, message => message.id === id)));

  /** Sends each call as a frame, all in one write. */
  const inFrames = (calls: readonly Call[]): Promise<RawMessage[]> => {
    const sent = calls.map(toRequest);
    client.sendBytes(Buffer.concat(sent.map(request => client.frame(JSON.stringify(request)))));
    return answers(sent);
  };

  /** Sends all calls as one batch. */
  const inBatch = async (calls: readonly Call[]): Promise<RawMessage[]> => {
    const sent = calls.map(toRequest);
    client.send(sent);
    const isBatch = (message: unknown): message is RawMessage[] =>
      Array.isArray(message) && message[0]?.id === sent[0]?.id;
    const batch: unknown = await client.waitFor('the answers', message => isBatch(message));
    return batch as RawMessage[];
  };

  const outcome = ({ result, error }: RawMessage): unknown => {
    if (error !== undefined) return error.code;
    if ('dataBase64' in result) return Buffer.from(result.dataBase64, 'base64').toString('latin1');
    if ('chunk' in result) return Buffer.from(result.chunk, 'base64').toString('latin1');
    if ('size' in result) return result.isDirectory ? 'directory' : result.size;
    if ('entries' in result) return result.entries.map((each: { fileName: string }) => each.fileName);
    return result;
  };

  /** Calls for one path in quick succession; the content of the first takes longer than the later ones. */
  const callsFor = (round: number, more: object): Call[] => {
    const dir = join(directory, `d${round}`);
    const [f, g] = [join(dir, 'f'), join(dir, 'g')];
    const long = `${round}`.padEnd(2 ** 20, 'x');
    const base64 = (text: string) => Buffer.from(text, 'latin1').toString('base64');
    const on = (path: string, rest: object = {}) => ({ path, ...rest, ...more });
    return [
      ['fs/createDirectory', on(dir), {}],
      ['fs/writeFile', on(f, { dataBase64: base64(long) }), {}],
      ['fs/readFile', on(f), long],
      ['fs/getMetadata', on(join(dir, '.', 'x', '..', 'f')), long.length],
      ['fs/copy', { sourcePath: f, destinationPath: g, recursive: false, ...more }, {}],
      ['fs/writeFile', on(f, { dataBase64: base64('short'), atomic: round % 2 === 0 }), {}],
      ['fs/readFile', on(g), long],
      ['fs/readFile', on(f), 'short'],
      ['fs/remove', on(f), {}],
      ['fs/readFile', on(f), NOT_THERE],
      ['fs/readDirectory', on(dir), ['g']],
      ['fs/open', on(f, { handleId: `w${round}`, mode: 'create' }), { handleId: `w${round}` }],
      ['fs/writeBlock', { handleId: `w${round}`, offset: 0, chunk: base64('block') }, {}],
      ['fs/readFile', on(f), 'block'],
      ['fs/writeBlock', { handleId: `w${round}`, offset: 5, chunk: base64('s') }, {}],
      ['fs/close', { handleId: `w${round}` }, {}],
      ['fs/open', on(f, { handleId: `r${round}` }), { handleId: `r${round}` }],
      ['fs/readBlock', { handleId: `r${round}`, offset: 0, len: 6 }, 'blocks'],
      ['fs/close', { handleId: `r${round}` }, {}],
      ['fs/remove', on(dir), {}],
      ['fs/getMetadata', on(f), NOT_THERE],
      ['fs/writeFile', on(f, { dataBase64: '' }), NOT_THERE],
      ['fs/createDirectory', on(join(f, 'below')), {}],
      ['fs/getMetadata', on(f), 'directory'],
    ];
  };

  for (const [how, send] of [
    ['as frames', inFrames],
    ['as a batch', inBatch],
  ] as const) {
    it(`take effect in order for one path, ${how}`, async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const calls = callsFor(round, {});
        expect((await send(calls)).map(outcome)).to.deep.equal(calls.map(([, , answer]) => answer));
        rmSync(join(directory, `d${round}`), { recursive: true });
      }
    });
  }

  it('take effect in order for each of several paths', async () => {
    const stories = Array.from({ length: 8 }, (_, round) => callsFor(round, {}));
    const calls = (stories[0] as Call[]).flatMap((_, step) => stories.map(each => each[step] as Call));
    expect((await inFrames(calls)).map(outcome)).to.deep.equal(calls.map(([, , answer]) => answer));
    for (const round of stories.keys()) rmSync(join(directory, `d${round}`), { recursive: true });
  });

  it('take effect in order in a sandbox, also mixed with requests without one', async function () {
    requireSandbox(this);
    const sandbox = sandboxOf([entry(special('root'), 'read'), entry(at(directory), 'write')], directory);
    for (let round = 0; round < 5; round += 1) {
      const sandboxed = callsFor(round, { sandbox });
      const mixed = callsFor(round + 100, {}).map(([method, params, answer], step): Call => {
        return [method, step % 2 === 0 && 'path' in params ? { ...params, sandbox } : params, answer];
      });
      for (const calls of [sandboxed, mixed]) {
        expect((await inFrames(calls)).map(outcome)).to.deep.equal(calls.map(([, , answer]) => answer));
      }
      for (const name of [round, round + 100]) rmSync(join(directory, `d${name}`), { recursive: true });
    }
  });

  it('do not wait for a slow request for another path', async () => {
    const [long, other] = [join(directory, 'long'), join(directory, 'other')];
    writeFileSync(long, '');
    // A sparse file: reading all of it takes far longer than this test.
    truncateSync(long, 2 ** 42);
    mkdirSync(other);
    const own = await RawClient.open();
    const [hash, removal] = ['hash', 'removal'].map(id => ({ jsonrpc: '2.0', id }));
    await own.request('fs/open', { handleId: 'h', path: long });
    own.send({ ...hash, method: 'fs/close', params: { handleId: 'h', expectSha256: 'a'.repeat(64) } });
    own.send({ ...removal, method: 'fs/remove', params: { path: long } });
    const results = [
      await own.request('fs/writeFile', { path: join(other, 'f'), dataBase64: 'aGk=' }),
      await own.request('fs/readFile', { path: join(other, 'f') }),
      await own.request('fs/remove', { path: other }),
    ];
    const early = own.messages.filter(({ id }) => id === 'hash' || id === 'removal');
    expect([results, early, existsSync(long)]).to.deep.equal([[{}, { dataBase64: 'aGk=' }, {}], [], true]);
    await own.close();
    rmSync(long, { force: true });
  });
});

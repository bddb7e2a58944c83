import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { until } from '../support/until.ts';
import { programPath } from './support/program.ts';
import { RawClient, rawFrame } from './support/raw-client.ts';

const MIB = 1024 * 1024;
const ENV = { PATH: '/usr/local/bin:/usr/bin:/bin' };

const mebibytesOf = (client: RawClient, name: 'VmHWM' | 'VmRSS'): number => {
  const status = readFileSync(`/proc/${client.server.pid}/status`, 'utf8');
  return Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024;
};

const start = (client: RawClient, processId: string, argv: readonly string[], more: object = {}) =>
  client.request('process/start', { processId, argv, cwd: 'file:///', env: ENV, ...more });

const usedBytes = async (client: RawClient): Promise<number> =>
  (await client.request('server/status')).memory.usedBytes;

/** Sends `count` requests with consecutive ids, and waits until the server reads no more of them. */
const pipeline = async (client: RawClient, count: number, request: (at: number) => object): Promise<void> => {
  for (let at = 0; at < count; at += 1) client.send({ id: `p${at}`, ...request(at) });
  let before = -1;
  // The server has stopped reading or has read everything, and creates no more answers.
  await until(async () => {
    const now = client.server.stdin.writableLength + mebibytesOf(client, 'VmRSS');
    const isConstant = Math.abs(now - before) < 0.5;
    before = now;
    await new Promise(resolve => setTimeout(resolve, 300));
    return isConstant;
  }, 'the server is still reading or allocating');
};

const answersTo = (client: RawClient, count: number) =>
  Promise.all(
    Array.from({ length: count }, (_, at) => client.waitFor(`answer ${at}`, ({ id }) => id === `p${at}`)),
  );

(process.platform === 'linux' ? describe : describe.skip)('the memory of the server', () => {
  let client: RawClient;
  beforeEach(async () => {
    client = await RawClient.open();
  });
  afterEach(async () => {
    client.server.stdout.resume();
    const peak = mebibytesOf(client, 'VmHWM');
    client.server.kill('SIGTERM');
    await client.ended;
    // The default memory limit guarantees this.
    expect(peak).to.be.below(512);
  });

  it('is bounded while a client requests output and does not read it', async () => {
    await start(client, 'p', ['head', '-c', '1000000', '/dev/zero']);
    await client.finished('p');
    client.server.stdout.pause();
    await pipeline(client, 200, () => ({ method: 'process/read', params: { processId: 'p' } }));
    client.server.stdout.resume();
    const answers = await answersTo(client, 200);
    expect(new Set(answers.map(({ result }) => result.nextSeq)).size).to.equal(1);
  });

  it('is bounded while a client requests files and does not read them', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'exec-server-memory-'));
    try {
      const file = join(directory, 'file');
      writeFileSync(file, Buffer.alloc(20 * MIB));
      client.server.stdout.pause();
      await pipeline(client, 50, () => ({ method: 'fs/readFile', params: { path: file } }));
      client.server.stdout.pause();
      expect(mebibytesOf(client, 'VmRSS')).to.be.below(300);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('is bounded for a frame of too many values, which is refused', async () => {
    const values = Math.floor((64 * MIB) / 3) - 1;
    client.sendBytes(rawFrame(`[${'{},'.repeat(values - 1)}{}]`));
    const { error } = await client.waitFor('a refusal', ({ id }) => id === null);
    expect(error?.data).to.deep.equal({
      kind: 'limitExceeded',
      limit: 'frameValues',
      current: 262_145,
      max: 262_144,
    });
    expect((await client.ask('server/status')).error).to.equal(undefined);
  });

  it('is bounded for input that processes do not read; accepted input is not lost', async () => {
    const chunk = Buffer.alloc(30 * MIB, 'x').toString('base64');
    const processes = ['a', 'b', 'c', 'd', 'e'];
    const directory = mkdtempSync(join(tmpdir(), 'exec-server-memory-'));
    const script = 'until [ -e "$0" ]; do sleep 0.05; done; exec wc -c';
    const reading = join(directory, 'reading');
    for (const processId of processes)
      await start(client, processId, ['sh', '-c', script, reading], { pipeStdin: true });
    const written = processes.map(processId => client.ask('process/write', { processId, chunk }));
    const refused = await Promise.race(written);
    expect(refused.error?.data).to.deep.include({ kind: 'limitExceeded', limit: 'allStdinQueuedBytes' });
    expect(await usedBytes(client)).to.be.within(30 * MIB, 70 * MIB);
    for (const processId of processes) await client.ask('process/closeStdin', { processId });
    writeFileSync(reading, '');
    const outcomes = await Promise.all(written);
    const accepted = processes.filter((_, at) => outcomes[at]?.result?.status === 'accepted');
    expect(accepted).to.have.lengthOf.within(1, 2);
    for (const processId of accepted)
      expect(String((await client.finished(processId)).stdout)).to.equal(`${30 * MIB}\n`);
    await until(async () => (await usedBytes(client)) < MIB, 'the memory is still in use');
    rmSync(directory, { recursive: true });
  });

  it('is bounded for heads and tails; the dropped bytes are reported', async () => {
    client.server.stdout.pause();
    await pipeline(client, 20, at => ({
      method: 'process/start',
      params: {
        processId: `h${at}`,
        argv: ['head', '-c', '20000000', '/dev/zero'],
        cwd: 'file:///',
        env: ENV,
        output: 'headTail',
        maxOutputBytes: 64 * MIB,
      },
    }));
    expect(mebibytesOf(client, 'VmRSS')).to.be.below(300);
    client.server.stdout.resume();
    for (let at = 0; at < 20; at += 1) {
      const { stdout, closed } = await client.finished(`h${at}`);
      const gap = client.messages.find(
        ({ method, params }) => method === 'process/outputDropped' && params.processId === `h${at}`,
      );
      expect(stdout.length + (gap?.params.bytes.stdout ?? 0)).to.equal(20_000_000);
      expect(closed.bytes.stdout).to.equal(stdout.length);
    }
  });

  it('is bounded for HTTP responses that a client does not read', async () => {
    const server = createServer((_, response) => response.end(Buffer.alloc(20 * MIB))).listen(0, '127.0.0.1');
    try {
      await until(() => server.listening, 'no HTTP server');
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      client.server.stdout.pause();
      await pipeline(client, 40, at => ({
        method: 'http/request',
        params: { requestId: `r${at}`, method: 'GET', url },
      }));
      expect(mebibytesOf(client, 'VmRSS')).to.be.below(350);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('is bounded for many small requests of a client that does not read', async () => {
    client.server.stdout.pause();
    await pipeline(client, 30_000, () => ({ method: 'fs/getMetadata', params: { path: '/' } }));
    expect(mebibytesOf(client, 'VmRSS')).to.be.below(200);
    client.server.stdout.resume();
    await client.waitFor('the last answer', ({ id }) => id === 'p29999');
  });

  it('is bounded for a batch of long answers: those beyond the limit are errors', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'exec-server-memory-'));
    try {
      const file = join(directory, 'file');
      writeFileSync(file, Buffer.alloc(5 * MIB));
      const batch = Array.from({ length: 100 }, (_, id) => ({
        id,
        method: 'fs/readFile',
        params: { path: file },
      }));
      client.sendBytes(rawFrame(JSON.stringify(batch)));
      const answers = (await client.waitFor('the batch', message =>
        Array.isArray(message),
      )) as unknown as Array<{
        readonly error?: { readonly data: { readonly limit: string } };
      }>;
      const refused = answers.filter(({ error }) => error?.data.limit === 'batchBytes');
      expect([answers.length, refused.length]).to.deep.equal([100, 98]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('suffices for requests that free memory, even at the limit', async () => {
    await start(client, 'stuck', ['sleep', '1000'], { pipeStdin: true });
    await start(client, 'other', ['sleep', '1000'], { pipeStdin: true });
    const chunk = Buffer.alloc(40 * MIB).toString('base64');
    const write = client.ask('process/write', { processId: 'stuck', chunk });
    expect((await client.ask('process/write', { processId: 'other', chunk })).error?.data?.limit).to.equal(
      'allStdinQueuedBytes',
    );
    const other = { processId: 'other' };
    const small: Array<[method: string, params: object]> = [
      ['process/acknowledge', { ...other, seq: 0 }],
      ['process/closeStdin', other],
      ['process/signal', { ...other, signal: 'CONT' }],
      ['process/list', {}],
      ['fs/close', { handleId: 'none' }],
      ['server/status', {}],
      ['process/terminate', other],
      ['process/terminate', { processId: 'stuck' }],
    ];
    for (const [method, params] of small)
      expect((await client.ask(method, params)).error).to.equal(undefined);
    expect((await write).result).to.deep.equal({ status: 'stdinClosed' });
    await client.finished('stuck');
    await until(async () => (await usedBytes(client)) < MIB, 'the memory is still in use');
  });

  it('is bounded when the longest frame arrives at the limit', async () => {
    const sink = createTcpServer(socket => socket.pause()).listen(0, '127.0.0.1');
    const directory = mkdtempSync(join(tmpdir(), 'exec-server-memory-'));
    try {
      await until(() => sink.listening, 'no server');
      const url = `http://127.0.0.1:${(sink.address() as AddressInfo).port}/`;
      const file = join(directory, 'file');
      writeFileSync(file, Buffer.alloc(30 * MIB));
      const long = Buffer.alloc(46 * MIB).toString('base64');
      const flood = (bytes: number) => ['sh', '-c', `head -c ${bytes} /dev/zero; exec sleep 1000`];
      await start(client, 'in', ['sleep', '1000'], { pipeStdin: true });
      client.send({ id: 'write', method: 'process/write', params: { processId: 'in', chunk: long } });
      for (let at = 0; at < 8; at += 1) {
        const headTail = { output: 'headTail', maxOutputBytes: 64 * MIB };
        await start(client, `h${at}`, flood(20_000_000), headTail);
        for (let log = 0; log < 5; log += 1) await start(client, `r${at}.${log}`, flood(1_000_000));
      }
      const upload = { requestId: 'u', method: 'POST', url, bodyBase64: long };
      client.send({ id: 'upload', method: 'http/request', params: upload });
      expect(await usedBytes(client)).to.be.above(130 * MIB);
      client.server.stdout.pause();
      await pipeline(client, 10, () => ({ method: 'fs/readFile', params: { path: file } }));
      client.server.stdout.resume();
      await answersTo(client, 10);
      const { error } = await client.ask('fs/writeFile', { path: join(directory, 'new'), dataBase64: long });
      expect(error?.data?.limit).to.equal('queuedRequestBytes');
    } finally {
      sink.close();
      rmSync(directory, { recursive: true });
    }
  });

  it('is bounded by blocking a client that writes without reading, and no input is lost', async () => {
    const lines = 100_000;
    await start(client, 'cat', ['cat'], { pipeStdin: true });
    client.server.stdout.pause();
    const text = 'x'.repeat(99);
    await pipeline(client, lines / 100, () => ({
      method: 'process/write',
      params: { processId: 'cat', chunk: Buffer.from(`${text}\n`.repeat(100)).toString('base64') },
    }));
    expect(mebibytesOf(client, 'VmRSS')).to.be.below(200);
    client.server.stdout.resume();
    await answersTo(client, lines / 100);
    await client.ask('process/closeStdin', { processId: 'cat' });
    expect((await client.finished('cat')).stdout.length).to.equal(100 * lines);
  });

  it('is returned to the system when it is not needed', async () => {
    const short = await RawClient.open({ retainedMs: 100 });
    for (let at = 0; at < 5; at += 1) {
      await start(short, `w${at}`, ['echo', 'x']);
      await short.finished(`w${at}`);
    }
    const before = mebibytesOf(short, 'VmRSS');
    for (let at = 0; at < 60; at += 1) {
      await start(short, `p${at}`, ['head', '-c', String(MIB), '/dev/zero']);
      await short.finished(`p${at}`);
    }
    await until(() => mebibytesOf(short, 'VmRSS') < before + 20, 'the memory is still in use');
    await short.close();
  });
});

describe('the memory limit', () => {
  it('is announced in initialize and reported in server/status', async () => {
    for (const [options, limitBytes] of [
      [[], 192 * MIB],
      [['--memory-limit', '64M'], 64 * MIB],
    ] as const) {
      const client = new RawClient({ argv: [process.execPath, programPath, '--stdio', ...options] });
      const { limits } = await client.request('initialize', { clientName: 'raw' });
      client.send({ method: 'initialized' });
      const { memory } = await client.request('server/status');
      expect([limits.memoryBytes, memory.limitBytes]).to.deep.equal([limitBytes, limitBytes]);
      expect(memory.usedBytes).to.be.within(1, 64 * 1024);
      expect(await client.close()).to.equal(0);
    }
  });
});

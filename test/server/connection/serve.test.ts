import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { openClient } from '../../../src/core/index.ts';
import { describeInternal } from '../../../src/server/connection/describe-internal.ts';
import { currentHost, type ServeOptions, type Server, serve } from '../../../src/server/index.ts';
import { rawFrame } from '../../e2e/support/raw-client.ts';
import { until } from '../../support/until.ts';
import { openLinks } from '../support/descriptors.ts';

const PATH = process.env.PATH ?? '/usr/bin:/bin';
const env = { exact: { PATH } };

describe('serve', () => {
  let tempDir: string;
  let bystander: ChildProcess;
  const servers: Server[] = [];

  before(function () {
    if (process.platform === 'win32') this.skip();
  });

  beforeEach(() => {
    tempDir = realpathSync(mkdtempSync(join(tmpdir(), 'serve-test-')));
    bystander = spawn('sleep', ['600'], { stdio: 'ignore' });
  });

  afterEach(async () => {
    await Promise.all(servers.splice(0).map(server => server.stop('the test is over')));
    const survived = bystander.exitCode === null && bystander.signalCode === null;
    bystander.kill('SIGKILL');
    await once(bystander, 'exit');
    const left = readdirSync(tempDir);
    rmSync(tempDir, { recursive: true });
    // A server in this process must end its own children only.
    expect({ survived, left }).to.deep.equal({ survived: true, left: [] });
  });

  /** A server in this process, and the streams to it. */
  const embed = (options: Partial<ServeOptions> = {}) => {
    const input = new PassThrough();
    const output = new PassThrough();
    const log: string[] = [];
    const server = serve({
      input,
      output,
      host: { ...currentHost({ PATH }, () => {}), tempDir },
      log: line => log.push(line),
      ...options,
    });
    servers.push(server);
    return { input, output, server, log };
  };

  const connected = async (options?: Partial<ServeOptions>) => {
    const { input, output, server, log } = embed(options);
    const streams = {
      input: output,
      output: input,
      location: 'remote',
      label: 'memory',
      close: async () => void input.end(),
    } as const;
    return { client: await openClient(streams, {}), input, output, server, log };
  };

  it('serves two clients in one process independently', async () => {
    const [one, other] = [await connected(), await connected()];
    const start = ({ client }: typeof one) => client.start({ argv: ['cat'], env, stdin: true });
    const [first, second] = [await start(one), await start(other)];
    const sameIds = first.id === second.id;
    await one.server.stop('no longer needed');
    await second.write('still here');
    await second.closeStdin();
    const { stdout, exitCode } = await second.collect();
    expect([sameIds, await one.server.closed, String(stdout), exitCode]).to.deep.equal([
      true,
      'no longer needed',
      'still here',
      0,
    ]);
  });

  it('stops once, and returns the first reason from every call of stop', async () => {
    const { server, client } = await connected();
    await client.start({ argv: ['sleep', '600'], env });
    const stops = [server.stop('first'), server.stop('second')];
    await Promise.all(stops);
    await server.stop('third');
    expect([await server.closed, stops[0] === stops[1]]).to.deep.equal(['first', true]);
  });

  it('stops when its input ends', async () => {
    const { server, client, output } = await connected();
    const { exit } = await client.start({ argv: ['sleep', '600'], env });
    await client.close();
    expect([await server.closed, output.writableEnded]).to.deep.equal(['the connection was closed', true]);
    exit.catch(() => {});
  });

  it('stops when its output breaks', async () => {
    const { server, output } = await connected();
    output.destroy(new Error('EPIPE'));
    expect(await server.closed).to.equal('the connection was closed');
  });

  it('sends the last messages of the processes that it ends', async () => {
    const { server, client } = await connected();
    const process = await client.start({
      argv: ['sh', '-c', 'exec 2>&-; trap "echo bye; exit 7" TERM; echo hi; while :; do sleep 0.01; done'],
      env,
    });
    const output = process.output[Symbol.asyncIterator]();
    const { value } = await output.next();
    await server.stop('over');
    const last = await output.next();
    expect([String(value.chunk), String(last.value.chunk), await process.exit]).to.deep.equal([
      'hi\n',
      'bye\n',
      { exitCode: 7, signal: undefined, reason: 'terminated' },
    ]);
  });

  it('leaves no process, pipe or descriptor if the client never reads', async () => {
    const before = openLinks().length;
    const { input, output, server } = embed();
    const send = (message: object) => input.write(rawFrame(JSON.stringify({ jsonrpc: '2.0', ...message })));
    send({ id: 0, method: 'initialize', params: { clientName: 'never reads' } });
    send({ method: 'initialized' });
    const endless = (processId: string, output: string) => ({
      method: 'process/start',
      params: { processId, argv: ['yes'], cwd: '/', env: { PATH }, tty: false, pipeStdin: true, output },
    });
    send({ id: 1, ...endless('lossless', 'lossless') });
    send({ id: 2, ...endless('headTail', 'headTail') });
    const children = () => openLinks().filter(link => /\/exec-server-\w{6}\/\d+$/.test(link)).length;
    await until(() => children() === 6 && output.writableLength > 128 * 1024, 'the output is not stuck');
    await server.stop('enough');
    await until(() => openLinks().length <= before, 'descriptors are left open');
    expect(await server.closed).to.equal('enough');
  });

  it('leaves no files if it is stopped while it prepares pipes', async () => {
    for (let round = 0; round < 20; round += 1) {
      const { input, output, server } = embed();
      output.resume();
      input.write(
        rawFrame(
          JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params: { clientName: 'short' } }),
        ),
      );
      input.end(rawFrame(JSON.stringify({ jsonrpc: '2.0', method: 'initialized' })));
      await server.closed;
    }
    expect(readdirSync(tempDir)).to.deep.equal([]);
  });

  it('refuses a process beyond the limit until another one has closed', async () => {
    const { client } = await connected({ maxProcesses: 1 });
    const first = await client.start({ argv: ['cat'], env, stdin: true });
    const refused = await client.start({ argv: ['true'], env }).catch(error => error.data);
    await first.closeStdin();
    await first.collect();
    const second = await client.start({ argv: ['true'], env });
    expect([refused, (await second.collect()).exitCode]).to.deep.equal([
      { kind: 'limitExceeded', limit: 'processes', current: 2, max: 1 },
      0,
    ]);
  });
});

describe('describeInternal', () => {
  for (const message of ['PLANTED', 'one line\nPLANTED', '\n    at PLANTED (there:1:1)\n', 'at', '', ' ']) {
    it(`returns the stack without the message ${JSON.stringify(message)}`, () => {
      const described = describeInternal(new TypeError(message));
      expect(described).to.match(/^TypeError at .*serve\.test\.ts:/);
      expect(described).not.to.match(/PLANTED|\n/);
    });
  }

  it('returns only the name of an error without stack, and the type of other values', () => {
    const other = Object.assign(new Error('PLANTED'), { stack: 'PLANTED, no frame' });
    const bare = Object.assign(new RangeError('PLANTED'), { stack: undefined });
    expect([other, bare, 'PLANTED', { PLANTED: 1 }, undefined].map(describeInternal)).to.deep.equal([
      'Error',
      'RangeError',
      'string',
      'object',
      'undefined',
    ]);
  });
});

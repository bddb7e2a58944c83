import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ptyUnavailable } from '../../src/server/process/pty/pty-binding.ts';
import { runCli } from './support/cli.ts';
import { programPath } from './support/program.ts';
import { RawClient } from './support/raw-client.ts';
import { readOnly, sandboxUnavailable } from './support/sandboxes.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';
const USUAL_LIMIT = 1024;

(process.platform === 'linux' ? describe : describe.skip)('a server without a free descriptor', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'descriptor-shortage-'));
    writeFileSync(join(directory, 'file'), 'content');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  /** Limits a server to `more` descriptors beyond those that are open; Infinity: to the usual number. */
  const limitDescriptors = (client: RawClient, more: number): void => {
    const open = new Set(readdirSync(`/proc/${client.server.pid}/fd`).map(Number));
    let lowestFree = 0;
    while (open.has(lowestFree)) lowestFree += 1;
    const limit = Number.isFinite(more) ? lowestFree + more : USUAL_LIMIT;
    const { status } = spawnSync('prlimit', ['--pid', `${client.server.pid}`, `--nofile=${limit}:`]);
    expect(status).to.equal(0);
  };

  /** One request of each kind that needs resources of the system. */
  const requestsOf = (round: string): [method: string, params: object][] => {
    const at = (name: string) => join(directory, name);
    const start = (name: string, more: object = {}): [string, object] => [
      'process/start',
      { processId: `${name} ${round}`, argv: ['/bin/true'], cwd: '/', env: { PATH }, ...more },
    ];
    const sandbox = readOnly(directory);
    return [
      ['server/status', {}],
      ['environment/info', {}],
      ['process/list', {}],
      start('pipes'),
      start('stdin', { pipeStdin: true }),
      start('merged', { mergeStderr: true }),
      ...(ptyUnavailable() === undefined ? [start('terminal', { tty: true })] : []),
      start('login', { envPolicy: { base: 'login' } }),
      ['environment/explain', { envPolicy: { base: 'login' }, env: {}, names: ['PATH'] }],
      ['fs/readFile', { path: at('file') }],
      ['fs/writeFile', { path: at(`written ${round}`), dataBase64: 'YQ==' }],
      ['fs/createDirectory', { path: at(`made ${round}`) }],
      ['fs/getMetadata', { path: at('file') }],
      ['fs/canonicalize', { path: at('file') }],
      ['fs/readDirectory', { path: directory }],
      ['fs/copy', { sourcePath: at('file'), destinationPath: at(`copy ${round}`), recursive: false }],
      [
        'fs/copy',
        { sourcePath: at(`made ${round}`), destinationPath: at(`copies ${round}`), recursive: true },
      ],
      ['fs/remove', { path: at(`made ${round}`), recursive: true, force: true }],
      ['fs/open', { handleId: round, path: at('file') }],
      ['environmentConfig/read', { configPaths: [['model']], requirementsPaths: [], cwd: '/' }],
      ...(sandboxUnavailable() === undefined
        ? [
            start('sandboxed', { sandbox }),
            ['fs/readFile', { path: at('file'), sandbox }] as [string, object],
          ]
        : []),
    ];
  };

  const answers = async (client: RawClient, round: string) => {
    const answered: { method: string; error: Record<string, unknown> | undefined }[] = [];
    for (const [method, params] of requestsOf(round))
      answered.push({ method, error: (await client.ask(method, params)).error?.data });
    return answered;
  };

  const ALLOWED = ['launchFailed', 'fileError', 'resourceShortage'];

  for (const used of [false, true]) {
    for (const more of [0, 1, 2, 4, 6]) {
      it(`answers every request and recovers: ${more} free, ${used ? 'after' : 'before'} first use`, async () => {
        const client = await RawClient.open();
        const sleep = ['/bin/sh', '-c', 'echo on; exec sleep 600'];
        await client.request('process/start', { processId: 'live', argv: sleep, cwd: '/', env: { PATH } });
        await client.waitFor('output', ({ method }) => method === 'process/output');
        if (used) await answers(client, 'first');

        limitDescriptors(client, more);
        for (const { method, error } of await answers(client, 'short')) {
          if (error === undefined) continue;
          expect(ALLOWED, `${method}: ${JSON.stringify(error)}`).to.include(error.kind);
          expect(error.errno, `${method}: ${JSON.stringify(error)}`).to.equal('EMFILE');
        }
        await client.request('process/terminate', { processId: 'live' });
        expect((await client.finished('live')).exited.reason).to.equal('terminated');

        limitDescriptors(client, Number.POSITIVE_INFINITY);
        expect((await answers(client, 'again')).filter(({ error }) => error !== undefined)).to.deep.equal([]);
        const { base } = await client.request('environment/explain', {
          envPolicy: { base: 'login' },
          env: {},
          names: [],
        });
        expect(base.base).to.equal('login');
        expect(await client.close()).to.equal(0);
        expect(client.stderr).to.equal('');
      });
    }
  }

  it('answers an HTTP request with an error, and makes it when descriptors are free again', async () => {
    const peer = createServer((_request, response) => response.end('body')).listen(0, '127.0.0.1');
    await new Promise(resolve => peer.once('listening', resolve));
    const { port } = peer.address() as { port: number };
    const client = await RawClient.open();
    const get = (requestId: string) =>
      client.ask('http/request', { method: 'GET', url: `http://127.0.0.1:${port}/`, headers: [], requestId });
    try {
      limitDescriptors(client, 0);
      expect((await get('short')).error?.data).to.include({ kind: 'httpFailed', errno: 'EMFILE' });
      limitDescriptors(client, Number.POSITIVE_INFINITY);
      expect((await get('again')).result.status).to.equal(200);
      expect(await client.close()).to.equal(0);
    } finally {
      peer.closeAllConnections();
      peer.close();
    }
  });

  it('exits and ends its processes when the connection closes', async () => {
    const client = await RawClient.open();
    const params = { processId: 'p', argv: ['/bin/sleep', '600'], cwd: '/', env: {} };
    const { pid } = await client.request('process/start', params);
    limitDescriptors(client, 0);
    expect(await client.close()).to.equal(0);
    expect(() => process.kill(pid, 0)).to.throw('ESRCH');
  });

  it('makes the command line print one line', async () => {
    const few = ['-c', 'ulimit -n "$1" && shift && exec "$@"', 'sh'];
    // Enough for Node to start, too few for pipes of a child.
    const outcome = spawnSync('sh', [...few, '22', process.execPath, programPath, 'run', '--', 'true'], {
      encoding: 'utf8',
      input: '',
    });
    expect(outcome.stderr).to.match(/^exec-server: could not connect to this machine: .* \(EMFILE\)\n$/);
    expect(outcome.status).to.equal(255);
    expect((await runCli(['run', '--', 'true'])).end).to.equal(0);
  });
});

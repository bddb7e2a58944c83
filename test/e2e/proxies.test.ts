import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { connect, type ExecClient, localServer, type RuntimeFacts } from '../../src/core/index.ts';
import { requireNode } from '../support/node-versions.ts';
import { skipUnavailable } from '../support/skip-unavailable.ts';
import { programPath } from './support/program.ts';
import {
  type NetworkProxy,
  type Origin,
  startHttpProxy,
  startOrigin,
  startSocksProxy,
} from './support/proxy.ts';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';

/** Paths of the origin, for each client what it requests. */
const ANSWERS = {
  '/': 'origin\n',
  '/repo.git/info/refs': `${COMMIT}\trefs/heads/main\n`,
  '/repo.git/HEAD': 'ref: refs/heads/main\n',
  '/thing': JSON.stringify({
    name: 'thing',
    'dist-tags': { latest: '1.2.3' },
    versions: { '1.2.3': { name: 'thing', version: '1.2.3' } },
  }),
};

// No DNS has names below .test.
const HOST = 'origin.test';

describe('programs behind a network proxy', () => {
  let origin: Origin;
  let proxies: { http: NetworkProxy; socks: NetworkProxy };
  let client: ExecClient;
  let home: string;

  beforeEach(async () => {
    origin = await startOrigin(ANSWERS);
    proxies = { http: await startHttpProxy(origin), socks: await startSocksProxy(origin) };
    home = mkdtempSync(join(tmpdir(), 'proxies-test-'));
    // As a server on another machine, whose own proxy variables would let everything bypass the proxy.
    client = await connect(
      { ...localServer([process.execPath, programPath]), location: 'remote' },
      {
        localEnv: {
          PATH: process.env.PATH,
          HOME: home,
          NO_PROXY: '*',
          no_proxy: '*',
          npm_config_noproxy: HOST,
          http_proxy: 'http://127.0.0.1:1',
        },
      },
    );
  });

  afterEach(async () => {
    await client?.close();
    for (const server of [proxies?.http, proxies?.socks, origin]) await server?.close();
    rmSync(home, { recursive: true });
  });

  const run = async (argv: readonly [string, ...string[]], runtime: RuntimeFacts) => {
    const child = await client.start({ argv, cwd: home, env: { runtime } });
    const { exitCode, stdout, stderr } = await child.collect();
    expect(exitCode, stderr.toString()).to.equal(0);
    return stdout.toString();
  };

  const assertOnlyThrough = ({ hosts, ports }: NetworkProxy) => {
    expect(new Set(hosts)).to.deep.equal(new Set([HOST]));
    expect(origin.clients.length).to.be.greaterThan(0);
    expect(origin.clients.filter(port => !ports.has(port))).to.deep.equal([]);
  };

  /** Skips the test if a program is not installed. */
  const requireProgram = async (test: Mocha.Context, program: string) => {
    const child = await client.start({ argv: ['sh', '-c', `command -v ${program}`], cwd: home, env: {} });
    if ((await child.collect()).exitCode !== 0) skipUnavailable(test, `${program} is not installed`);
  };

  const curl = ['curl', '-sS', '--fail'] as const;

  it('curl reaches a server only through the proxy', async function () {
    await requireProgram(this, 'curl');
    expect(await run([...curl, `http://${HOST}/`], { proxyUrl: proxies.http.url })).to.equal('origin\n');
    assertOnlyThrough(proxies.http);
  });

  it('curl reaches a server on localhost without the proxy', async function () {
    await requireProgram(this, 'curl');
    for (const host of ['localhost', '127.0.0.1']) {
      const url = `http://${host}:${origin.port}/`;
      expect(await run([...curl, url], { proxyUrl: proxies.http.url, noProxy: [] })).to.equal('origin\n');
    }
    expect(proxies.http.hosts).to.deep.equal([]);
  });

  it('git reaches a server only through the proxy', async function () {
    await requireProgram(this, 'git');
    const refs = await run(['git', 'ls-remote', `http://${HOST}/repo.git`], { proxyUrl: proxies.http.url });
    expect(refs).to.contain(`${COMMIT}\trefs/heads/main\n`);
    assertOnlyThrough(proxies.http);
  });

  it('npm reaches a registry only through the proxy', async function () {
    await requireProgram(this, 'npm');
    const argv = [
      'npm',
      'view',
      'thing',
      'version',
      '--registry',
      `http://${HOST}/`,
      '--no-update-notifier',
    ] as const;
    expect(await run(argv, { proxyUrl: proxies.http.url })).to.equal('1.2.3\n');
    assertOnlyThrough(proxies.http);
  });

  it("Node's fetch reaches a server only through a tunnel of the proxy", async function () {
    this.timeout(180_000);
    const node = requireNode(this, '24');
    const code = `fetch('http://${HOST}/').then(async response => process.stdout.write(await response.text()))`;
    expect(await run([node, '-e', code], { proxyUrl: proxies.http.url })).to.equal('origin\n');
    assertOnlyThrough(proxies.http);
  });

  it('curl and git reach a server only through a SOCKS proxy, which looks up the host', async function () {
    await requireProgram(this, 'curl');
    await requireProgram(this, 'git');
    const runtime = { proxyUrl: proxies.socks.url };
    expect(await run([...curl, `http://${HOST}/`], runtime)).to.equal('origin\n');
    expect(await run(['git', 'ls-remote', `http://${HOST}/repo.git`], runtime)).to.contain(COMMIT);
    assertOnlyThrough(proxies.socks);
  });

  it('curl uses the proxy for HTTP if there is a SOCKS endpoint, too', async function () {
    await requireProgram(this, 'curl');
    const runtime = { proxyUrl: proxies.http.url, socksProxyUrl: proxies.socks.url };
    expect(await run([...curl, `http://${HOST}/`], runtime)).to.equal('origin\n');
    assertOnlyThrough(proxies.http);
    expect(proxies.socks.hosts).to.deep.equal([]);
  });
});

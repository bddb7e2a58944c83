import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { commandServer, connect } from '../../src/core/index.ts';
import { resumeHandshake } from '../../src/core/resume/handshake.ts';
import { NOBODY_UID } from '../support/accounts.ts';
import { skipUnavailable } from '../support/skip-unavailable.ts';
import { until } from '../support/until.ts';
import { programPath } from './support/program.ts';
import { rawFrame } from './support/raw-client.ts';

const KEEP_MS = 60_000;

type Connection = {
  readonly child: ChildProcess & {
    readonly stdin: NodeJS.WritableStream;
    readonly stdout: NodeJS.ReadableStream;
  };
  /** Resolves when the program has ended. */
  readonly ended: Promise<unknown>;
};

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('the end of a session that is kept', () => {
  let home: string;
  let env: NodeJS.ProcessEnv;
  const target = commandServer([process.execPath, programPath, '--stdio']);
  const children: ChildProcess[] = [];

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'exec-server-ends-'));
    env = { PATH: process.env.PATH, HOME: home, TMPDIR: home };
  });

  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    rmSync(home, { recursive: true, force: true });
  });

  const directory = () => join(home, '.cache/exec-server/sessions');
  const files = () => readdirSync(directory()).filter(name => name !== 'ended.log');

  const open = (): Connection => {
    const child = spawn(process.execPath, [programPath, '--stdio'], {
      env,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    children.push(child);
    return { child, ended: once(child, 'close') };
  };

  const streams = ({ child }: Connection) => ({ input: child.stdout, output: child.stdin }) as never;

  /** Starts a session as the client `a`; the bytes of the answer are those that the client has received. */
  const start = async (): Promise<Connection & { sessionId: string; receivedBytes: number }> => {
    const connection = open();
    const params = { clientName: 'test', session: { keepMs: KEEP_MS, clientId: 'a' } };
    connection.child.stdin.write(
      rawFrame(JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params })),
    );
    let text = '';
    while (!text.includes('"replayBytes"') || !text.endsWith('}')) {
      const [chunk] = await once(connection.child.stdout, 'data');
      text += chunk;
    }
    connection.child.stdout.resume();
    connection.child.stdin.write(rawFrame('{"jsonrpc":"2.0","method":"initialized","params":{}}'));
    const [, sessionId = ''] = /"session":\{"id":"([0-9a-f]+)"/.exec(text) ?? [];
    return { ...connection, sessionId, receivedBytes: Buffer.byteLength(text) };
  };

  const resume = async (sessionId: string, receivedBytes: number, clientId: string) => {
    const connection = open();
    const request = { clientName: 'test', sessionId, receivedBytes, clientId };
    const answer = resumeHandshake(streams(connection), request);
    return { ...connection, serverHas: await answer };
  };

  const refusal = (attempt: Promise<unknown>): Promise<string | undefined> =>
    attempt.then(
      () => undefined,
      error => error.kind,
    );

  it('refuses a client that another one has replaced, and closes its connection', async () => {
    const { sessionId, receivedBytes, child: server } = await start();
    const other = await resume(sessionId, receivedBytes, 'b');
    expect(other.serverHas).to.be.greaterThan(0);
    expect(await refusal(resume(sessionId, receivedBytes, 'a'))).to.equal('sessionTaken');
    const again = await resume(sessionId, receivedBytes, 'b');
    expect(again.serverHas).to.equal(other.serverHas);
    await other.ended;
    expect(isRunning(server.pid ?? 0)).to.equal(true);
  });

  it('lets one of two connections that race for a session have it', async () => {
    const { sessionId, receivedBytes } = await start();
    const both = await Promise.all([1, 2].map(() => resume(sessionId, receivedBytes, 'a')));
    expect(both[0]?.serverHas).to.equal(both[1]?.serverHas);
    await Promise.race(both.map(({ ended }) => ended));
    expect(both.filter(({ child }) => child.exitCode === null && child.signalCode === null)).to.have.lengthOf(
      1,
    );
  });

  it('refuses bytes that are not kept, and ids that do not exist', async () => {
    const { sessionId, receivedBytes } = await start();
    expect(await refusal(resume(sessionId, receivedBytes + 1, 'a'))).to.equal('replayLost');
    expect(await refusal(resume('0'.repeat(32), 0, 'a'))).to.equal('sessionUnknown');
    // The name of its files alone is not enough.
    expect(await refusal(resume(sessionId.slice(0, 16), receivedBytes, 'a'))).to.not.equal(undefined);
  });

  it('survives SIGHUP, and ends by SIGTERM', async () => {
    const { sessionId, receivedBytes, child: server, ended } = await start();
    server.kill('SIGHUP');
    const next = await resume(sessionId, receivedBytes, 'a');
    expect(next.serverHas).to.be.greaterThan(0);
    // The login of the first connection ends, and not that of this one.
    server.kill('SIGHUP');
    next.child.stdin.write(rawFrame('{"jsonrpc":"2.0","id":7,"method":"shutdown","params":{}}'));
    let text = '';
    for await (const chunk of next.child.stdout) text += chunk;
    expect(text).to.contain('"id":7');
    await ended;
    expect(files()).to.deep.equal([]);
    expect(await refusal(resume(sessionId, receivedBytes, 'a'))).to.equal('sessionExpired');

    const other = await start();
    other.child.kill('SIGTERM');
    await other.ended;
    expect(readFileSync(join(directory(), 'ended.log'), 'utf8')).to.match(/ SIGTERM\n$/);
  });

  it('leaves neither processes nor files when the waiting server is killed', async () => {
    const killed = await connect(target, { localEnv: env, session: { keepMs: KEEP_MS } });
    const child = await killed.start({ argv: ['sleep', '600'] });
    const [description = ''] = files().filter(name => name.endsWith('.json'));
    const { pid } = JSON.parse(readFileSync(join(directory(), description), 'utf8'));
    process.kill(pid, 'SIGKILL');
    await killed.closed;
    await until(() => !isRunning(child.pid ?? 0), 'the process is still there');
    // The attempt to resume it has removed them.
    expect(files()).to.deep.equal([]);

    const { child: server, ended } = await start();
    server.kill('SIGKILL');
    await ended;
    expect(files()).to.have.lengthOf(2);
    const live = await start();
    await until(() => files().length === 2, 'the files of the killed server are still there');
    expect(files().every(name => name.startsWith(live.sessionId.slice(0, 16)))).to.equal(true);
  });

  it('is not kept on a full disk, and leaves no file there', async function () {
    const full = join(home, 'full');
    mkdirSync(join(full), { mode: 0o700 });
    // 8 blocks of 4 KiB, and all of them in use; nothing else is private.
    const script =
      `mount -t tmpfs -o size=32k,mode=700 none ${full} && mkdir -p -m 700 ${full}/exec-server/sessions && ` +
      `{ cat /dev/zero > ${full}/fill 2>/dev/null; exec "$@"; }`;
    const namespace = process.getuid?.() === 0 ? ['unshare', '-m'] : ['unshare', '-rm'];
    const wrap = (...argv: string[]) => [...namespace, 'sh', '-c', script, 'sh', ...argv];
    if (spawnSync(namespace[0] as string, [...wrap('true').slice(1)]).status !== 0)
      skipUnavailable(this, 'this system does not let unshare mount a file system');
    const [program, ...args] = wrap(process.execPath, programPath, '--stdio');
    const client = await connect(commandServer([program as string, ...args]), {
      localEnv: { ...env, XDG_CACHE_HOME: full },
      session: { keepMs: KEEP_MS },
    });
    expect(client.session).to.equal(undefined);
    const found = await (
      await client.start({ argv: ['find', full, '-type', 'f', '-o', '-type', 's'] })
    ).collect();
    expect(String(found.stdout)).to.equal(`${full}/fill\n`);
    await client.close();
  });

  it('is not kept in a directory that others can write to, or whose path is too long for a socket', async () => {
    const open = join(home, 'open');
    const long = join(home, 'l'.repeat(100));
    for (const [path, mode] of [
      [open, 0o777],
      [long, 0o700],
    ] as const) {
      mkdirSync(path);
      chmodSync(path, mode);
      const client = await connect(target, {
        localEnv: { ...env, XDG_CACHE_HOME: path, TMPDIR: path },
        session: { keepMs: KEEP_MS },
      });
      expect(client.session).to.equal(undefined);
      await client.close();
    }
    // Another candidate is private.
    const client = await connect(target, {
      localEnv: { ...env, XDG_CACHE_HOME: open },
      session: { keepMs: KEEP_MS },
    });
    expect(client.session?.keepMs).to.equal(KEEP_MS);
    await client.close();
  });

  it('keeps other users from the socket', async function () {
    if (process.getuid?.() !== 0) return skipUnavailable(this, 'needs root, to become another user');
    chmodSync(home, 0o755);
    const { sessionId } = await start();
    const socket = join(directory(), `${sessionId.slice(0, 16)}.sock`);
    expect(existsSync(socket)).to.equal(true);
    const script = `require('net').connect(${JSON.stringify(socket)}).on('error', e => console.log(e.code)).on('connect', () => console.log('connected'))`;
    const become = [`--reuid=${NOBODY_UID}`, `--regid=${NOBODY_UID}`, '--clear-groups'];
    const { stdout } = spawnSync('setpriv', [...become, process.execPath, '-e', script], {
      encoding: 'utf8',
      cwd: '/',
    });
    expect(stdout).to.equal('EACCES\n');
  });
});

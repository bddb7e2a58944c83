import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { until } from '../support/until.ts';
import {
  childOfMounter,
  requireDeadFileSystem,
  threadsBlocked,
  withDeadFileSystem,
} from './support/dead-file-system.ts';
import { programPath } from './support/program.ts';
import { RawClient } from './support/raw-client.ts';
import { waitForNoSurvivorsIn } from './support/survivors.ts';

/** The size of libuv's thread pool. */
const THREADS = 4;

describe('a server whose thread pool waits for a file system that never answers', () => {
  let base: string;
  let dead: string;

  before(function () {
    requireDeadFileSystem(this);
  });

  beforeEach(() => {
    base = realpathSync(mkdtempSync(join(tmpdir(), 'startBlocked-threads-test-')));
    dead = join(base, 'dead');
    mkdirSync(dead);
  });

  afterEach(async () => {
    await waitForNoSurvivorsIn(base);
    rmSync(base, { recursive: true });
  });

  /** Starts a server with children of each kind and more blocking requests than threads. */
  const startBlocked = async (program = programPath) => {
    const argv = withDeadFileSystem(dead, [process.execPath, program, '--stdio']);
    const client = await RawClient.open({ argv });
    const env = { PATH: '/usr/bin:/bin' };
    for (const [processId, more] of Object.entries({ pipes: { pipeStdin: true }, background: {} })) {
      const script = 'trap "" TERM; sleep 600 & echo ready; wait; wait';
      const start = { processId, argv: ['sh', '-c', script], cwd: base, env, ...more };
      await client.request('process/start', start);
      await client.waitFor('ready', ({ params }) => params?.processId === processId && params.chunk);
    }
    const server = childOfMounter(Number(client.server.pid));
    for (let at = 0; at < 2 * THREADS; at += 1)
      client.ask('fs/getMetadata', { path: join(dead, String(at)) }).catch(() => {});
    await until(() => threadsBlocked(server) === THREADS, 'not all threads are startBlocked');
    return { client, server };
  };

  it('exits with its exit code when its stdin ends', async () => {
    const { client } = await startBlocked();
    client.server.stdin.end();
    expect(await client.ended).to.equal(0);
  });

  it('exits with its exit code on SIGTERM', async () => {
    const { client, server } = await startBlocked();
    process.kill(server, 'SIGTERM');
    expect(await client.ended).to.equal(128 + 15);
  });

  it('is killed if the C library cannot be called', async () => {
    const alone = join(base, 'alone.cjs');
    copyFileSync(programPath, alone);
    const { client } = await startBlocked(alone);
    client.server.stdin.end();
    expect(await client.ended).to.equal(128 + 9);
  });

  it('answers requests that need no file', async () => {
    const { client } = await startBlocked();
    const start = { processId: 'p', argv: ['echo', 'hello'], cwd: base, env: { PATH: '/usr/bin:/bin' } };
    await client.request('process/start', start);
    expect((await client.finished('p')).stdout.toString()).to.equal('hello\n');
    client.server.stdin.end();
    await client.ended;
  });
});

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

/** As many as libuv creates. */
const THREADS = 4;

describe('a server whose threads all wait for a file system that does not answer', () => {
  let base: string;
  let dead: string;

  before(function () {
    requireDeadFileSystem(this);
  });

  beforeEach(() => {
    base = realpathSync(mkdtempSync(join(tmpdir(), 'blocked-threads-test-')));
    dead = join(base, 'dead');
    mkdirSync(dead);
  });

  afterEach(async () => {
    await waitForNoSurvivorsIn(base);
    rmSync(base, { recursive: true });
  });

  /** One with children of each kind, all of whose threads are blocked, and more requests than threads. */
  const blocked = async (program = programPath) => {
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
    await until(() => threadsBlocked(server) === THREADS, 'not all threads are blocked');
    return { client, server };
  };

  it('ends with the end of its stdin, and with its exit code', async () => {
    const { client } = await blocked();
    client.server.stdin.end();
    expect(await client.ended).to.equal(0);
  });

  it('ends by SIGTERM, with its exit code', async () => {
    const { client, server } = await blocked();
    process.kill(server, 'SIGTERM');
    expect(await client.ended).to.equal(128 + 15);
  });

  it('is killed where the C library cannot be called', async () => {
    const alone = join(base, 'alone.cjs');
    copyFileSync(programPath, alone);
    const { client } = await blocked(alone);
    client.server.stdin.end();
    expect(await client.ended).to.equal(128 + 9);
  });

  it('goes on with what needs no file', async () => {
    const { client } = await blocked();
    const start = { processId: 'p', argv: ['echo', 'hello'], cwd: base, env: { PATH: '/usr/bin:/bin' } };
    await client.request('process/start', start);
    expect((await client.finished('p')).stdout.toString()).to.equal('hello\n');
    client.server.stdin.end();
    await client.ended;
  });
});

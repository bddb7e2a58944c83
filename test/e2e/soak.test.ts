import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { connect, type ExecClient, localServer } from '../../src/core/index.ts';
import { childrenOf } from './support/process-tree.ts';
import { programPath } from './support/program.ts';
import { waitForNoSurvivorsIn } from './support/survivors.ts';

/** Thousands in `npm run soak`. */
const STARTS = Number(process.env.SOAK_STARTS ?? 400);
const CONCURRENT = 20;
const MIB = 1024 * 1024;
const environment = { exact: { PATH: '/usr/local/bin:/usr/bin:/bin' } };

describe(`a server after ${STARTS} processes of every kind`, () => {
  let client: ExecClient;
  let cwd: string;

  beforeEach(async () => {
    cwd = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-test-')));
    client = await connect(localServer([process.execPath, programPath]));
  });

  afterEach(async () => {
    await client.close();
    await waitForNoSurvivorsIn(cwd);
    rmSync(cwd, { recursive: true });
  });

  const start = (script: string, more: object = {}) =>
    client.start({ argv: ['sh', '-c', script], cwd, env: environment, ...more });
  const tty = { columns: 80, rows: 24 };

  const kinds = [
    async () => expect(String((await (await start('echo hi')).collect()).stdout)).to.equal('hi\n'),
    async () => expect(String((await (await start('echo hi', { tty })).collect()).pty)).to.equal('hi\r\n'),
    async () => expect((await (await start('seq 30000')).collect()).stdout.length).to.equal(168_894),
    async () => {
      const child = await start('cat', { stdin: true });
      await child.write('in');
      await child.closeStdin();
      expect(String((await child.collect()).stdout)).to.equal('in');
    },
    // Killed while it writes; the reader takes a turn of the event loop for each chunk.
    async () => {
      const child = await start('yes');
      let chunks = 0;
      for await (const _ of child.output) {
        chunks += 1;
        if (chunks === 3) await child.terminate();
        await new Promise(resolve => setImmediate(resolve));
      }
      expect((await child.exit).reason).to.equal('terminated');
    },
    async () => {
      const child = await start('sleep 600', { tty });
      await child.signal('KILL');
      expect((await child.exit).signal).to.equal('SIGKILL');
      await child.closed;
    },
    async () => {
      const child = await start('sleep 600 & exit 3', { drainMs: 0 });
      expect((await child.exit).exitCode).to.equal(3);
      await child.closed;
    },
  ];

  const round = (from: number, count: number) =>
    Promise.all(
      Array.from({ length: count }, (_, at) => (kinds[(from + at) % kinds.length] as () => unknown)()),
    );
  const run = async (starts: number) => {
    for (let from = 0; from < starts; from += CONCURRENT)
      await round(from, Math.min(CONCURRENT, starts - from));
  };

  it('has no more descriptors, zombies or memory than before', async function () {
    this.timeout(0);
    await run(CONCURRENT * kinds.length);
    const before = await client.status();
    await run(STARTS);
    const after = await client.status();
    expect(after.openDescriptors).to.be.at.most(before.openDescriptors as number);
    expect(after.processes).to.equal(0);
    expect((after.rssBytes as number) - (before.rssBytes as number)).to.be.below(64 * MIB);
    const zombies = childrenOf(after.pid).filter(isZombie);
    // A child that exited just before the scan is reaped before the server answers another request.
    for (let turn = 0; turn < 3; turn += 1) await client.status();
    expect(zombies.filter(isZombie)).to.deep.equal([]);
  });
});

const isZombie = (pid: number): boolean => {
  try {
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { expect } from 'chai';
import { type ShellSession, sessionOf } from '../../../../src/server/environment/login/end-session.ts';
import { keepSession } from '../../../../src/server/environment/login/session-keeper.ts';
import { descendantsOf, readProc } from '../../../../src/system/process-table.ts';
import { survivorsIn, waitForNoSurvivorsIn } from '../../../e2e/support/survivors.ts';
import { until } from '../../../support/until.ts';
import { isRunning } from '../../../system/support/children.ts';
import { describeWithShell } from './support/shells.ts';

/** Longer than processes take to end. */
const LONG_MS = 50_000;

describeWithShell('bash', 'keepSession', ({ path: bash }) => {
  let home: string;
  const started: ChildProcess[] = [];

  before(function () {
    if (process.platform !== 'linux') this.skip();
  });

  beforeEach(() => {
    home = realpathSync(mkdtempSync(join(tmpdir(), 'session-keeper-')));
  });

  afterEach(async () => {
    for (const child of started.splice(0)) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    await waitForNoSurvivorsIn(home);
    rmSync(home, { recursive: true });
  });

  const isThere = (name: string) => existsSync(join(home, name));

  /** Starts a session that has come so far that `up` exists. */
  const session = async (...script: readonly string[]) => {
    const child = spawn(bash, ['-c', script.join('\n')], {
      cwd: home,
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    }) as ChildProcess & { readonly pid: number; readonly stdout: Readable };
    started.push(child);
    await until(() => isThere('up'), 'the session is not ready');
    return child;
  };

  /** Returns the pid of the process that keeps the session. */
  const keep = (
    child: Awaited<ReturnType<typeof session>>,
    leftMs: number,
    graceMs: number,
    differences: Partial<ShellSession> = {},
  ) => {
    const { pid, stdout } = child;
    const before = ownChildren();
    const hasExited = () => child.exitCode !== null || child.signalCode !== null;
    const found = { ...sessionOf(pid, hasExited, 'linux'), ...differences };
    expect(keepSession(found, stdout, { leftMs, graceMs })).to.equal(true);
    stdout.destroy();
    const keeper = ownChildren().find(child => !before.includes(child));
    return keeper as number;
  };

  const ownChildren = () => descendantsOf(process.pid, readProc());
  const hasEnded = (pid: number) => until(() => !isRunning(pid), 'the keeper is running');

  it('reads the output, and lets the session end by itself', async () => {
    const child = await session(
      ': >up',
      'until [ -e go ]; do sleep 0.01; done',
      'yes | head -c 1000000',
      ': >done',
    );
    const keeper = keep(child, LONG_MS, LONG_MS);
    writeFileSync(join(home, 'go'), '');
    await hasEnded(keeper);
    expect([isThere('done'), survivorsIn(home)]).to.deep.equal([true, []]);
  });

  it('ends a session after its time by SIGHUP, so that it can release a lock', async () => {
    const child = await session('trap "rm lock" EXIT', ': >lock', ': >up', 'sleep 600');
    await hasEnded(keep(child, 0, LONG_MS));
    expect([isThere('lock'), survivorsIn(home)]).to.deep.equal([false, []]);
  });

  it('sends SIGTERM after the grace, and SIGKILL after another one, to all groups', async () => {
    const traps = 'trap "echo HUP >>signals" HUP; trap "echo TERM >>signals" TERM';
    const job = `${traps}; : >up; while :; do sleep 0.01; done`;
    const child = await session(
      'trap : HUP TERM',
      'set -m',
      `bash -c '${job}' &`,
      'while :; do sleep 0.01; done',
    );
    await hasEnded(keep(child, 0, 1000));
    expect(readFileSync(join(home, 'signals'), 'utf8')).to.equal('HUP\nTERM\n');
    expect(survivorsIn(home)).to.deep.equal([]);
  });

  it('ends without the processes that left the session, though they hold the stdout', async () => {
    const child = await session(
      'setsid sh -c ": >up; exec sleep 600" &',
      'until [ -e up ]; do sleep 0.01; done',
    );
    await hasEnded(keep(child, 0, LONG_MS));
    const left = survivorsIn(home);
    expect(left.map(line => line.split(' ').slice(1).join(' '))).to.deep.equal(['sleep 600']);
    for (const line of left) process.kill(Number.parseInt(line, 10), 'SIGKILL');
  });

  it('signals no other session whose leader has the pid of the exited one', async () => {
    const child = await session(': >up', 'sleep 600');
    await hasEnded(keep(child, 0, LONG_MS, { startTime: '1' }));
    expect(isRunning(child.pid)).to.equal(true);
  });

  it('reports that it cannot start', async () => {
    const child = await session(': >up', 'sleep 600');
    const found = sessionOf(child.pid, () => false, 'linux');
    child.stdout.destroy();
    await once(child.stdout, 'close');
    expect(keepSession(found, child.stdout, { leftMs: 0, graceMs: 0 })).to.equal(false);
    expect(isRunning(child.pid)).to.equal(true);
  });
});

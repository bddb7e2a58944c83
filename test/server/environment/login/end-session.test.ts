import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { endSession, sessionOf } from '../../../../src/server/environment/login/end-session.ts';
import { until } from '../../../support/until.ts';
import { isRunning } from '../../../system/support/children.ts';

const running = () => false;

/** Longer than processes take to end. */
const LONG_MS = 50_000;

(process.platform === 'linux' ? describe : describe.skip)('a session', () => {
  const started: ChildProcess[] = [];

  const sleeper = (stdout: 'pipe' | number, detached: boolean) => {
    const child = spawn('sleep', ['600'], { detached, stdio: ['ignore', stdout, 'ignore'] });
    started.push(child);
    return child as ChildProcess & { pid: number };
  };

  afterEach(async () => {
    for (const child of started.splice(0)) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
  });

  it('is identified by the stdout that its leader was started with', () => {
    expect(sessionOf(sleeper('pipe', true).pid, running, 'linux').stdout?.path).to.match(/^socket:\[\d+\]$/);
  });

  it('is not identified by a file that other processes hold, and kills none of them', async () => {
    const shared = openSync('/dev/null', 'w');
    const bystander = sleeper(shared, false);
    const leader = sleeper(shared, true);
    const session = sessionOf(leader.pid, running, 'linux');
    expect(session.stdout).to.equal(undefined);
    const ended = once(leader, 'exit');
    await endSession(session, { graceMs: LONG_MS, stdoutEnded: () => false });
    await ended;
    expect(isRunning(bystander.pid)).to.equal(true);
  });

  it('has no stdout after its leader has exited', async () => {
    const leader = sleeper('pipe', true);
    const ended = once(leader, 'exit');
    leader.kill('SIGKILL');
    await ended;
    expect(sessionOf(leader.pid, running, 'linux').stdout).to.equal(undefined);
  });

  it('is empty if another process has the pid of its exited leader', async () => {
    const stranger = sleeper('pipe', true);
    const session = sessionOf(stranger.pid, () => true, 'linux');
    await endSession({ ...session, stdout: undefined }, { graceMs: 0, stdoutEnded: () => false });
    expect(isRunning(stranger.pid)).to.equal(true);
  });

  it('does not end holders of a stdout that has ended: its inode number may be used again', async () => {
    const holder = sleeper('pipe', true);
    const session = sessionOf(holder.pid, () => true, 'linux');
    await endSession(session, { graceMs: 0, stdoutEnded: () => true });
    expect(isRunning(holder.pid)).to.equal(true);
    await endSession(session, { graceMs: 0, stdoutEnded: () => false });
    await until(() => !isRunning(holder.pid), 'the holder is still alive');
  });

  it('gets SIGHUP, SIGTERM after the grace, and SIGKILL after another one', async () => {
    const home = mkdtempSync(join(tmpdir(), 'end-session-'));
    const script = `
      trap 'echo HUP >>signals' HUP
      trap 'echo TERM >>signals' TERM
      : >up
      while :; do sleep 0.01; done`;
    const leader = spawn('sh', ['-c', script], { cwd: home, detached: true, stdio: 'ignore' });
    started.push(leader);
    const ended = once(leader, 'exit');
    const file = (name: string) => join(home, name);
    await until(() => existsSync(file('up')), 'the shell is not ready');
    await endSession(sessionOf(leader.pid as number, running, 'linux'), { graceMs: 1000 });
    expect([readFileSync(file('signals'), 'utf8'), (await ended)[1]]).to.deep.equal([
      'HUP\nTERM\n',
      'SIGKILL',
    ]);
    rmSync(home, { recursive: true });
  });

  it('is left as it is after an abort', async () => {
    const leader = spawn('sh', ['-c', 'trap "" HUP; echo up; exec sleep 600'], { detached: true });
    started.push(leader);
    await once(leader.stdout, 'data');
    const session = sessionOf(leader.pid as number, running, 'linux');
    const abort = new AbortController();
    const ending = endSession(session, { graceMs: LONG_MS, signal: abort.signal });
    abort.abort();
    await ending;
    expect(isRunning(leader.pid as number)).to.equal(true);
  });
});

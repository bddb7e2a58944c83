import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { expect } from 'chai';
import { hangUp, killSession, sessionOf } from '../../../../src/server/environment/login/end-session.ts';
import { until } from '../../../support/until.ts';
import { isRunning } from '../../../system/support/children.ts';

const running = () => false;

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
    await killSession(session, () => false);
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
    await hangUp(session, 0);
    await killSession({ ...session, stdout: undefined }, () => false);
    expect(isRunning(stranger.pid)).to.equal(true);
  });

  it('does not kill holders of a stdout that has ended: its inode number may be used again', async () => {
    const holder = sleeper('pipe', true);
    const session = sessionOf(holder.pid, () => true, 'linux');
    await killSession(session, () => true);
    expect(isRunning(holder.pid)).to.equal(true);
    await killSession(session, () => false);
    await until(() => !isRunning(holder.pid), 'the holder is still alive');
  });
});

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { expect } from 'chai';
import { killSession, sessionOf } from '../../../src/server/login-env/end-session.ts';
import { isRunning } from '../platform/support/children.ts';

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

  it('is known by the stream that its leader was started with', () => {
    expect(sessionOf(sleeper('pipe', true).pid, 'linux').stdoutLink).to.match(/^socket:\[\d+\]$/);
  });

  it('is not known by what others hold, too: nobody else is killed with it', async () => {
    const shared = openSync('/dev/null', 'w');
    const bystander = sleeper(shared, false);
    const leader = sleeper(shared, true);
    const session = sessionOf(leader.pid, 'linux');
    expect(session.stdoutLink).to.equal(undefined);
    const ended = once(leader, 'exit');
    await killSession(session);
    await ended;
    expect(isRunning(bystander.pid)).to.equal(true);
  });

  it('is not known by anything when its leader has ended', async () => {
    const leader = sleeper('pipe', true);
    const ended = once(leader, 'exit');
    leader.kill('SIGKILL');
    await ended;
    expect(sessionOf(leader.pid, 'linux').stdoutLink).to.equal(undefined);
  });
});

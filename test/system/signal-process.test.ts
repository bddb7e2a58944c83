import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import { SandboxedCommand } from '../../src/server/sandbox/sandboxed-command.ts';
import { type ProcessEntry, readProcess } from '../../src/system/process-table.ts';
import { signalPid, signalProcess } from '../../src/system/signal-process.ts';
import { isRunning } from './support/children.ts';

(process.platform === 'linux' ? describe : describe.skip)('signalProcess', () => {
  const started: ChildProcess[] = [];

  const start = () => {
    const child = spawn('sleep', ['600'], { stdio: 'ignore' });
    started.push(child);
    const entry = readProcess(child.pid as number) as ProcessEntry;
    return { entry, ended: once(child, 'exit').then(([code, signal]) => signal ?? code) };
  };

  afterEach(() => {
    for (const child of started.splice(0)) child.kill('SIGKILL');
  });

  it('sends a signal to the process that was found', async () => {
    const { entry, ended } = start();
    expect([signalProcess(entry, 'SIGTERM'), await ended]).to.deep.equal([true, 'SIGTERM']);
  });

  it('sends nothing to another one that has got its pid', () => {
    const { entry } = start();
    const before = { ...entry, startTime: String(Number(entry.startTime) - 1) };
    expect([signalProcess(before, 'SIGKILL'), isRunning(entry.pid)]).to.deep.equal([false, true]);
  });

  it('sends nothing where there is none', async () => {
    const { entry, ended } = start();
    signalPid(entry.pid, 'SIGKILL');
    await ended;
    expect([signalProcess(entry, 'SIGKILL'), signalPid(entry.pid, 'SIGKILL')]).to.deep.equal([false, false]);
  });
});

(process.platform === 'linux' ? describe : describe.skip)('SandboxedCommand', () => {
  it('is not known before it was found, nor when what keeps it is over', async () => {
    // As bubblewrap does it: a keeper, and below it the program.
    const outer = spawn('sh', ['-c', 'sh -c "sleep 600 & echo; wait" & wait'], {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      await once(outer.stdout, 'data');
      let over = false;
      const command = new SandboxedCommand(outer.pid as number, () => over);
      const before = command.program;
      await command.runs();
      const found = command.program;
      signalPid(found?.pid as number, 'SIGKILL');
      await once(outer, 'exit');
      over = true;
      expect([before, found?.sid, command.program]).to.deep.equal([undefined, outer.pid, undefined]);
    } finally {
      signalPid(-(outer.pid as number), 'SIGKILL');
    }
  });
});

import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { FrameMessageWriter } from '../../../../src/protocol/framing/message-writer.ts';
import { Outbound } from '../../../../src/server/connection/outbound.ts';
import { MemoryBudget } from '../../../../src/server/memory/memory-budget.ts';
import type { Child } from '../../../../src/server/process/child.ts';
import { ManagedProcess } from '../../../../src/server/process/managed-process.ts';
import { ProcessMemory } from '../../../../src/server/process/process-memory.ts';
import { ptyUnavailable } from '../../../../src/server/process/pty/pty-binding.ts';
import { startOnPty } from '../../../../src/server/process/pty/start-on-pty.ts';
import { launch } from '../../../../src/server/process/start/launch.ts';
import type { ProcessOptions } from '../../../../src/server/process/start/process-options.ts';
import { LeftoverTracker } from '../../../../src/server/process/stop/leftovers.ts';
import { NamedPipes } from '../../../../src/system/named-pipes.ts';
import { pinTerminal } from '../../../../src/system/pinned-file.ts';
import { posixGroups } from '../../../../src/system/process-groups.ts';
import { Watchdog } from '../../../../src/system/watchdog.ts';
import { survivorsIn, waitForNoSurvivorsIn } from '../../../e2e/support/survivors.ts';
import { until } from '../../../support/until.ts';
import { kill } from '../../../system/support/children.ts';
import { openBelow, openLinks } from '../../support/descriptors.ts';

const ENV = { PATH: process.env.PATH ?? '/usr/bin:/bin' };
const OPTIONS: Omit<ProcessOptions, 'tty' | 'drainMs'> = {
  processId: 'p',
  argv0: 'sh',
  timeoutMs: undefined,
  killGraceMs: 60_000,
  headTailBytes: undefined,
  windowBytes: Number.POSITIVE_INFINITY,
  retainedBytes: 0,
};

/** A watchdog that only records the calls. */
class RecordingWatchdog extends Watchdog {
  readonly groups = new Set<number>();
  readonly terminals = new Set<string>();

  constructor() {
    super({ log: () => {}, platform: 'win32' });
  }

  override add(pgid: number): void {
    this.groups.add(pgid);
  }

  override remove(pgid: number): void {
    this.groups.delete(pgid);
  }

  override addTerminal(path: string): string {
    this.terminals.add(path);
    return path;
  }

  override removeTerminal(path: string | undefined): void {
    this.terminals.delete(path ?? '');
  }
}

(process.platform === 'linux' ? describe : describe.skip)('LeftoverTracker', () => {
  const groups = posixGroups();
  let cwd: string;
  let tempDir: string;
  let pipes: NamedPipes;
  let watchdog: RecordingWatchdog;
  let leftovers: LeftoverTracker;

  beforeEach(() => {
    cwd = realpathSync(mkdtempSync(join(tmpdir(), 'leftovers-test-')));
    tempDir = realpathSync(mkdtempSync(join(tmpdir(), 'leftovers-test-')));
    pipes = new NamedPipes(tempDir, () => {});
    watchdog = new RecordingWatchdog();
    leftovers = new LeftoverTracker(watchdog, () => pipes.pinHeld());
  });

  afterEach(async () => {
    for (const line of survivorsIn(cwd)) kill(Number.parseInt(line, 10));
    await waitForNoSurvivorsIn(cwd);
    await pipes.dispose();
    for (const directory of [cwd, tempDir]) rmSync(directory, { recursive: true });
  });

  const manage = (child: Child, tty: boolean, drainMs: number): ManagedProcess => {
    const output = new PassThrough().resume();
    const memory = new ProcessMemory(new MemoryBudget(Number.POSITIVE_INFINITY));
    const outbound = new Outbound(new FrameMessageWriter(output));
    const managed = new ManagedProcess(child, { ...OPTIONS, tty, drainMs }, { outbound, groups, memory });
    leftovers.add(managed);
    return managed;
  };

  const plan = (script: string) => ({
    argv: ['sh', '-c', script] as const,
    arg0: undefined,
    cwd,
    env: ENV,
    platform: process.platform,
  });

  const onPipes = async (script: string, drainMs = 60_000, pipeStdin = false) => {
    const streams = { pipeStdin, mergeStderr: false, detached: true };
    return manage(await launch({ ...plan(script), ...streams }, pipes), false, drainMs);
  };

  const onTerminal = (script: string, drainMs = 60_000) => {
    const { terminal, input, output, destroy, ...rest } = startOnPty({
      ...plan(script),
      size: { columns: 80, rows: 24 },
    });
    const child: Child = {
      ...rest,
      stdin: input,
      outputs: { pty: output },
      terminal: { path: terminal, isOpen: rest.isOpen },
      pinStreams: () => [(rest.isOpen() && pinTerminal(terminal)) || []].flat(),
      cut: destroy,
    };
    return manage(child, true, drainMs);
  };

  /** Waits until a process is closed, and has its leftovers tracked. */
  const close = async (managed: ManagedProcess) => {
    await managed.closed;
    leftovers.onClosed(managed);
  };

  const tracked = () => ({ groups: [...watchdog.groups], terminals: [...watchdog.terminals] });
  const NOTHING = { groups: [], terminals: [] };
  const survivorNames = () => survivorsIn(cwd).map(line => line.replace(/^\d+ /, ''));

  /** Script that leaves a process outside of the group, which holds the streams that are not redirected. */
  const leaving = (redirections: string) =>
    `setsid sh -c ': >"$0"; exec sleep 600' up$$ ${redirections} & until [ -e up$$ ]; do sleep 0.01; done`;

  describe('with a process on pipes', () => {
    it('tracks its group while it runs, and nothing after the group has ended', async () => {
      const managed = await onPipes('exit');
      const running = tracked();
      await close(managed);
      expect([running, tracked()]).to.deep.equal([{ groups: [managed.pid], terminals: [] }, NOTHING]);
    });

    it('tracks its group as long as a member is left', async () => {
      const managed = await onPipes('sleep 600 >/dev/null 2>&1 & echo $!');
      await close(managed);
      const left = tracked();
      managed.signals.toGroup('SIGKILL');
      await until(() => watchdog.groups.size === 0, 'the group is still tracked');
      expect([left, tracked()]).to.deep.equal([{ groups: [managed.pid], terminals: [] }, NOTHING]);
    });

    it('forgets an empty group even if the process is not closed', async () => {
      const managed = await onPipes(leaving(''));
      await until(() => watchdog.groups.size === 0, 'the group is still tracked');
      expect([managed.state, survivorNames()]).to.deep.equal(['exited', ['sleep 600']]);
      await close(await onPipes('exit'));
      await leftovers.stopGroups();
      managed.terminate(0);
      await close(managed);
    });

    it('ends the group', async () => {
      await close(await onPipes('sleep 600 >/dev/null 2>&1 &'));
      await until(() => survivorNames().join() === 'sleep 600', 'the process has not started');
      await leftovers.stopGroups();
      await waitForNoSurvivorsIn(cwd);
    });

    it('kills the holder of a pipe', async () => {
      await close(await onPipes(leaving('>/dev/null'), 0));
      await leftovers.killHolders();
      await waitForNoSurvivorsIn(cwd);
      await close(await onPipes(`exec 3<&0; ${leaving('<&3 3<&- >/dev/null 2>&1')}`, 60_000, true));
      await leftovers.killHolders();
      await waitForNoSurvivorsIn(cwd);
    });

    it('kills the holder of a pipe that was cut, but no process on a reused pipe', async () => {
      const first = await onPipes(leaving('>/dev/null'), 0);
      const [stdout] = openBelow(tempDir);
      await close(first);
      await until(() => openBelow(tempDir).length === 0, 'our ends are still open');
      const other = await onPipes('exec sleep 601');
      expect(openBelow(tempDir)).to.include(stdout);
      await until(
        () => survivorNames().toSorted().join() === 'sleep 600,sleep 601',
        'the processes have not started',
      );
      await leftovers.stopGroups();
      await leftovers.killHolders();
      await until(() => survivorNames().length < 2, 'the holder is still there');
      expect(survivorNames()).to.deep.equal(['sleep 601']);
      other.terminate(0);
      await close(other);
    });
  });

  (ptyUnavailable() === undefined ? describe : describe.skip)('with a process on a terminal', () => {
    const HELD = leaving('');

    it('tracks its group and its terminal, and nothing after they are gone', async () => {
      const managed = onTerminal('exit');
      const running = tracked();
      await close(managed);
      expect([running, tracked()]).to.deep.equal([
        { groups: [managed.pid], terminals: [managed.terminal?.path] },
        NOTHING,
      ]);
    });

    it('adds the terminal to the watchdog again while our side is open, since it may have changed', async () => {
      const managed = onTerminal('sleep 600');
      watchdog.terminals.clear();
      await until(() => watchdog.terminals.size > 0, 'the terminal is not added');
      expect(tracked().terminals).to.deep.equal([managed.terminal?.path]);
      managed.ending.abandon();
      watchdog.terminals.clear();
      const other = onTerminal('sleep 601');
      watchdog.terminals.clear();
      await until(() => watchdog.terminals.size > 0, 'the terminal is not added');
      expect(tracked().terminals).to.deep.equal([other.terminal?.path]);
      other.ending.abandon();
      managed.terminate(0);
      other.terminate(0);
    });

    it('tracks a terminal that is held after the cut, and kills the holder', async () => {
      const before = openTerminals();
      const managed = onTerminal(HELD, 0);
      await close(managed);
      const left = tracked().terminals;
      await until(() => survivorNames().join() === 'sleep 600', 'the process has not started');
      await leftovers.killHolders();
      await waitForNoSurvivorsIn(cwd);
      expect([left, tracked().terminals, openTerminals()]).to.deep.equal([
        [managed.terminal?.path],
        [],
        before,
      ]);
    });

    it('releases terminals without holders at each sixteenth that is kept', async () => {
      const before = openTerminals();
      const started = Array.from({ length: 15 }, () => onTerminal(HELD, 0));
      await Promise.all(started.map(close));
      const kept = tracked().terminals.length;
      for (const line of survivorsIn(cwd)) kill(Number.parseInt(line, 10));
      await waitForNoSurvivorsIn(cwd);
      const last = onTerminal(HELD, 0);
      await close(last);
      await until(() => tracked().terminals.length === 1, 'terminals without holders are kept');
      expect([kept, tracked().terminals, openTerminals() - before]).to.deep.equal([
        15,
        [last.terminal?.path],
        1,
      ]);
      await leftovers.killHolders();
    });
  });
});

/** Number of terminals that this process holds by their slave side; other descriptors may still be closing. */
const openTerminals = (): number => openLinks().filter(link => link.startsWith('/dev/pts/')).length;

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

/** A watchdog that only notes what it is told. */
class Notes extends Watchdog {
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
  let watchdog: Notes;
  let leftovers: LeftoverTracker;

  beforeEach(() => {
    cwd = realpathSync(mkdtempSync(join(tmpdir(), 'leftovers-test-')));
    tempDir = realpathSync(mkdtempSync(join(tmpdir(), 'leftovers-test-')));
    pipes = new NamedPipes(tempDir, () => {});
    watchdog = new Notes();
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

  /** Waits for the close of a process, and hands on what it leaves. */
  const close = async (managed: ManagedProcess) => {
    await managed.closed;
    leftovers.onClosed(managed);
  };

  const noted = () => ({ groups: [...watchdog.groups], terminals: [...watchdog.terminals] });
  const NOTHING = { groups: [], terminals: [] };
  const survivorNames = () => survivorsIn(cwd).map(line => line.replace(/^\d+ /, ''));

  /** Leaves a process behind that has left the group and holds what isn't redirected. */
  const leaving = (redirections: string) =>
    `setsid sh -c ': >"$0"; exec sleep 600' up$$ ${redirections} & until [ -e up$$ ]; do sleep 0.01; done`;

  describe('of a process on pipes', () => {
    it('are its group while it runs, and nothing when all of it has ended', async () => {
      const managed = await onPipes('exit');
      const running = noted();
      await close(managed);
      expect([running, noted()]).to.deep.equal([{ groups: [managed.pid], terminals: [] }, NOTHING]);
    });

    it('are its group as long as a member is left', async () => {
      const managed = await onPipes('sleep 600 >/dev/null 2>&1 & echo $!');
      await close(managed);
      const left = noted();
      managed.signals.toGroup('SIGKILL');
      await until(() => watchdog.groups.size === 0, 'the group is still there');
      expect([left, noted()]).to.deep.equal([{ groups: [managed.pid], terminals: [] }, NOTHING]);
    });

    it('are no group any more when its number may be another one, though the process is still open', async () => {
      const managed = await onPipes(leaving(''));
      await until(() => watchdog.groups.size === 0, 'the group is still there');
      expect([managed.state, survivorNames()]).to.deep.equal(['exited', ['sleep 600']]);
      await close(await onPipes('exit'));
      await leftovers.stopGroups();
      managed.terminate(0);
      await close(managed);
    });

    it('are ended: the group', async () => {
      await close(await onPipes('sleep 600 >/dev/null 2>&1 &'));
      await until(() => survivorNames().join() === 'sleep 600', 'it is not there');
      await leftovers.stopGroups();
      await waitForNoSurvivorsIn(cwd);
    });

    it('are ended: who holds a pipe, in the moment of the close', async () => {
      await close(await onPipes(leaving('>/dev/null'), 0));
      await leftovers.killHolders();
      await waitForNoSurvivorsIn(cwd);
      await close(await onPipes(`exec 3<&0; ${leaving('<&3 3<&- >/dev/null 2>&1')}`, 60_000, true));
      await leftovers.killHolders();
      await waitForNoSurvivorsIn(cwd);
    });

    it('are ended: who holds a pipe that was cut, and nobody who has a pipe that is used again', async () => {
      const first = await onPipes(leaving('>/dev/null'), 0);
      const [stdout] = openBelow(tempDir);
      await close(first);
      await until(() => openBelow(tempDir).length === 0, 'our ends are open');
      const other = await onPipes('exec sleep 601');
      expect(openBelow(tempDir)).to.include(stdout);
      await until(() => survivorNames().toSorted().join() === 'sleep 600,sleep 601', 'they are not there');
      await leftovers.stopGroups();
      await leftovers.killHolders();
      await until(() => survivorNames().length < 2, 'the holder is still there');
      expect(survivorNames()).to.deep.equal(['sleep 601']);
      other.terminate(0);
      await close(other);
    });
  });

  (ptyUnavailable() === undefined ? describe : describe.skip)('of a process on a terminal', () => {
    const HELD = leaving('');

    it('are its group and its terminal, and nothing when all of it has ended', async () => {
      const managed = onTerminal('exit');
      const running = noted();
      await close(managed);
      expect([running, noted()]).to.deep.equal([
        { groups: [managed.pid], terminals: [managed.terminal?.path] },
        NOTHING,
      ]);
    });

    it('are a terminal that the watchdog is told of again, since it may have changed, while our side is open', async () => {
      const managed = onTerminal('sleep 600');
      watchdog.terminals.clear();
      await until(() => watchdog.terminals.size > 0, 'it is not told');
      expect(noted().terminals).to.deep.equal([managed.terminal?.path]);
      managed.ending.abandon();
      watchdog.terminals.clear();
      const other = onTerminal('sleep 601');
      watchdog.terminals.clear();
      await until(() => watchdog.terminals.size > 0, 'it is not told');
      expect(noted().terminals).to.deep.equal([other.terminal?.path]);
      other.ending.abandon();
      managed.terminate(0);
      other.terminate(0);
    });

    it('are its terminal while somebody holds it after the cut, and end with the holder', async () => {
      const before = openTerminals();
      const managed = onTerminal(HELD, 0);
      await close(managed);
      const left = noted().terminals;
      await until(() => survivorNames().join() === 'sleep 600', 'it is not there');
      await leftovers.killHolders();
      await waitForNoSurvivorsIn(cwd);
      expect([left, noted().terminals, openTerminals()]).to.deep.equal([
        [managed.terminal?.path],
        [],
        before,
      ]);
    });

    it('are let go of in the end when the holders have ended themselves: with each sixteenth', async () => {
      const before = openTerminals();
      const started = Array.from({ length: 15 }, () => onTerminal(HELD, 0));
      await Promise.all(started.map(close));
      const kept = noted().terminals.length;
      for (const line of survivorsIn(cwd)) kill(Number.parseInt(line, 10));
      await waitForNoSurvivorsIn(cwd);
      const last = onTerminal(HELD, 0);
      await close(last);
      await until(() => noted().terminals.length === 1, 'terminals are kept that nobody holds');
      expect([kept, noted().terminals, openTerminals() - before]).to.deep.equal([
        15,
        [last.terminal?.path],
        1,
      ]);
      await leftovers.killHolders();
    });
  });
});

/** How many terminals this process holds by their own side; other descriptors may be closing at their own pace. */
const openTerminals = (): number => openLinks().filter(link => link.startsWith('/dev/pts/')).length;

import { findHeld, killHolders } from '../../../system/holders.ts';
import { type PinnedFile, releaseAll } from '../../../system/pinned-file.ts';
import type { Watchdog } from '../../../system/watchdog.ts';
import { SHUTDOWN_GRACE_MS } from '../limits.ts';
import type { ManagedProcess } from '../managed-process.ts';
import type { ChildGroup } from './child-group.ts';
import { stopGroup } from './stop-group.ts';

/**
 * Leftovers of processes, to be ended with the connection: groups that have outlived their leader, and holders of a
 * stream. The watchdog is kept informed, for the case that the server is killed.
 */
export class LeftoverTracker {
  readonly #watchdog: Watchdog;
  readonly #pinHeldPipes: () => readonly PinnedFile[];
  /** Processes that are not closed. */
  readonly #open = new Set<ManagedProcess>();
  /** Groups of closed processes. */
  readonly #groups = new Set<ChildGroup>();
  /** Terminals of open processes, each with its key in the watchdog. */
  readonly #watched = new Map<ManagedProcess, string | undefined>();
  /** Terminals that were cut while other processes held them, each with its key in the watchdog. */
  readonly #terminals = new Map<PinnedFile, string | undefined>();
  #nextCheck: NodeJS.Timeout | undefined;

  /** @param pinHeldPipes pins the pipes that other processes have open; called when no process runs any more */
  constructor(watchdog: Watchdog, pinHeldPipes: () => readonly PinnedFile[]) {
    this.#watchdog = watchdog;
    this.#pinHeldPipes = pinHeldPipes;
  }

  /** Tracks a process that was started. */
  add(process: ManagedProcess): void {
    this.#watchdog.add(process.pid);
    this.#open.add(process);
    this.#watchTerminal(process);
    this.#scheduleCheck();
  }

  /** Records that a process is closed, with the group and the terminal that it leaves. */
  onClosed(process: ManagedProcess): void {
    const watched = this.#watched.get(process);
    this.#watched.delete(process);
    const { keptTerminal } = process.ending;
    if (keptTerminal === undefined) this.#watchdog.removeTerminal(watched);
    else this.#keep(keptTerminal, watched);
    this.#open.delete(process);
    if (this.#isLeft(process.group)) this.#groups.add(process.group);
  }

  async stopGroups(): Promise<void> {
    clearTimeout(this.#nextCheck);
    await Promise.all([...this.#groups].map(group => stopGroup(group, SHUTDOWN_GRACE_MS)));
  }

  /** Kills the holders; called when no process is left that may still be closed. */
  async killHolders(): Promise<void> {
    // The watchdog would wait for groups of which only zombies are left.
    for (const group of this.#groups) if (!this.#isLeft(group)) this.#groups.delete(group);
    const pipes = this.#pinHeldPipes();
    await killHolders([...pipes, ...this.#terminals.keys()]);
    releaseAll(pipes);
    for (const terminal of this.#terminals.keys()) this.#release(terminal);
  }

  #watchTerminal(process: ManagedProcess): void {
    if (!process.terminal?.isOpen()) return;
    const before = this.#watched.get(process);
    const now = this.#watchdog.addTerminal(process.terminal.path);
    this.#watched.set(process, now);
    if (before !== now) this.#watchdog.removeTerminal(before);
  }

  #isLeft(group: ChildGroup): boolean {
    if (group.isAlive) return true;
    this.#watchdog.remove(group.leader);
    return false;
  }

  /**
   * Checks groups and terminals once a second: an empty group has to be forgotten before another one may get its number,
   * and the watchdog does not recognise a terminal after a change of its owner or mode, as by `mesg n`.
   */
  #scheduleCheck(): void {
    if (this.#nextCheck !== undefined || this.#open.size + this.#groups.size === 0) return;
    this.#nextCheck = setTimeout(() => {
      this.#nextCheck = undefined;
      for (const process of this.#open) {
        this.#isLeft(process.group);
        this.#watchTerminal(process);
      }
      for (const group of [...this.#groups].slice(0, MAX_GROUPS_PER_CHECK)) {
        this.#groups.delete(group);
        // Added again at the end, so that the next check begins with the others.
        if (this.#isLeft(group)) this.#groups.add(group);
      }
      this.#scheduleCheck();
    }, CHECK_INTERVAL_MS).unref();
  }

  #keep(terminal: PinnedFile, watched: string | undefined): void {
    this.#terminals.set(terminal, watched);
    if (this.#terminals.size % TERMINALS_PER_SCAN === 0) void this.#releaseUnheld();
  }

  async #releaseUnheld(): Promise<void> {
    const terminals = [...this.#terminals.keys()];
    const held = await findHeld(terminals);
    for (const terminal of terminals) if (held?.has(terminal) === false) this.#release(terminal);
  }

  #release(terminal: PinnedFile): void {
    const watched = this.#terminals.get(terminal);
    if (!this.#terminals.delete(terminal)) return;
    this.#watchdog.removeTerminal(watched);
    terminal.release();
  }
}

// Systems that assign process ids in rising order do not reuse one within that time.
const CHECK_INTERVAL_MS = 1000;
// Takes some milliseconds; further groups are checked in turns.
const MAX_GROUPS_PER_CHECK = 1000;

// Each terminal takes a descriptor; to find out that no process holds it takes a scan of all processes.
const TERMINALS_PER_SCAN = 16;

import { findHeld, killHolders } from '../../../system/holders.ts';
import { type PinnedFile, releaseAll } from '../../../system/pinned-file.ts';
import type { Watchdog } from '../../../system/watchdog.ts';
import { SHUTDOWN_GRACE_MS } from '../limits.ts';
import type { ManagedProcess } from '../managed-process.ts';
import type { ChildGroup } from './child-group.ts';
import { stopGroup } from './stop-group.ts';

/**
 * What processes leave behind when they are closed, and has to end with the connection: groups that have
 * outlived their leader, and whoever still holds a stream. The watchdog knows the same, for the case that
 * this server has no time left.
 */
export class Remains {
  readonly #watchdog: Watchdog;
  readonly #pinHeldPipes: () => readonly PinnedFile[];
  /** Processes that aren't closed yet. */
  readonly #open = new Set<ManagedProcess>();
  /** The groups that were left behind. */
  readonly #left = new Set<ChildGroup>();
  #nextLook: NodeJS.Timeout | undefined;
  /** What the watchdog knows the terminals of open processes by. */
  readonly #watched = new Map<ManagedProcess, string | undefined>();
  /** The terminals that were cut while others held them, with the same. */
  readonly #terminals = new Map<PinnedFile, string | undefined>();

  /** @param pinHeldPipes called when no process runs any more: the pipes that others have open */
  constructor(watchdog: Watchdog, pinHeldPipes: () => readonly PinnedFile[]) {
    this.#watchdog = watchdog;
    this.#pinHeldPipes = pinHeldPipes;
  }

  /** A process was started. */
  started(process: ManagedProcess): void {
    this.#watchdog.add(process.pid);
    this.#open.add(process);
    this.#tellTerminals(process);
    this.#lookAgain();
  }

  /** A process is closed; whatever it leaves is kept in mind. */
  closed(process: ManagedProcess): void {
    const watched = this.#watched.get(process);
    this.#watched.delete(process);
    if (process.keptTerminal === undefined) this.#watchdog.removeTerminal(watched);
    else this.#keep(process.keptTerminal, watched);
    this.#open.delete(process);
    if (this.#isLeft(process.group)) this.#left.add(process.group);
  }

  /** Ends the groups. */
  async stopGroups(): Promise<void> {
    clearTimeout(this.#nextLook);
    await Promise.all([...this.#left].map(group => stopGroup(group, SHUTDOWN_GRACE_MS)));
  }

  /** Ends the holders, once there is nothing left that may still be closed. */
  async killHolders(): Promise<void> {
    const pipes = this.#pinHeldPipes();
    await killHolders([...pipes, ...this.#terminals.keys()]);
    releaseAll(pipes);
    for (const terminal of this.#terminals.keys()) this.#release(terminal);
  }

  #tellTerminals(process: ManagedProcess): void {
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
   * A group whose last member has gone must be forgotten before its number may be given to somebody else, and the
   * watchdog knows no terminal whose owner or mode was changed, as `mesg n` does.
   */
  #lookAgain(): void {
    if (this.#nextLook !== undefined || this.#open.size + this.#left.size === 0) return;
    this.#nextLook = setTimeout(() => {
      this.#nextLook = undefined;
      for (const process of this.#open) {
        this.#isLeft(process.group);
        this.#tellTerminals(process);
      }
      for (const group of [...this.#left].slice(0, MAX_LOOKS)) {
        this.#left.delete(group);
        // At the end of the line.
        if (this.#isLeft(group)) this.#left.add(group);
      }
      this.#lookAgain();
    }, LOOK_EVERY_MS).unref();
  }

  #keep(terminal: PinnedFile, watched: string | undefined): void {
    this.#terminals.set(terminal, watched);
    if (this.#terminals.size % LOOK_AFTER === 0) void this.#releaseUnheld();
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

// A system that counts its numbers up doesn't come round in that time.
const LOOK_EVERY_MS = 1000;
// Some milliseconds; more groups are looked at in turns.
const MAX_LOOKS = 1000;

// Each costs a descriptor, and finding out that nobody holds it any more costs a look at all processes.
const LOOK_AFTER = 16;

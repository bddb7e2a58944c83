import { SHUTDOWN_GRACE_MS } from '../limits.ts';
import { findHolders, killHolders } from '../platform/holders.ts';
import type { ProcessGroups } from '../platform/process-groups.ts';
import type { KeptTerminal } from '../platform/terminal-name.ts';
import type { Watchdog } from '../platform/watchdog.ts';
import type { ManagedProcess } from './managed-process.ts';
import { stopGroup } from './stop-group.ts';

/**
 * What processes leave behind when they are closed, and has to end with the connection: groups that have
 * outlived their leader, and whoever still holds a stream. The watchdog knows the same, for the case that
 * this server has no time left.
 */
export class Remains {
  readonly #groups: ProcessGroups;
  readonly #watchdog: Watchdog;
  readonly #heldPipes: () => Iterable<string>;
  readonly #leaders = new Set<number>();
  readonly #terminals = new Set<KeptTerminal>();

  /** @param heldPipes asked when no process runs any more: the pipes that somebody has open */
  constructor(groups: ProcessGroups, watchdog: Watchdog, heldPipes: () => Iterable<string>) {
    this.#groups = groups;
    this.#watchdog = watchdog;
    this.#heldPipes = heldPipes;
  }

  /** A process was started. */
  started(process: ManagedProcess): void {
    this.#watchdog.add(process.pid);
    for (const terminal of terminalsOf(process)) this.#watchdog.addTerminal(terminal);
  }

  /** A process is closed; whatever it leaves is kept in mind. */
  closed(process: ManagedProcess): void {
    if (process.keptTerminal !== undefined) this.#keep(process.keptTerminal);
    else for (const terminal of terminalsOf(process)) this.#watchdog.removeTerminal(terminal);
    if (process.isConfined) this.#watchdog.remove(process.pid);
    else this.#forgetIfEnded(process.pid);
    this.#forgetEndedGroups();
  }

  /** Ends the groups. */
  async stopGroups(): Promise<void> {
    await Promise.all([...this.#leaders].map(leader => stopGroup(this.#groups, leader, SHUTDOWN_GRACE_MS)));
  }

  /** Ends the holders, once there is nothing left that may still be closed. */
  async killHolders(): Promise<void> {
    const terminals = [...this.#terminals].map(({ path }) => path);
    const links = new Set([...this.#heldPipes(), ...terminals]);
    if (links.size > 0) await killHolders(links);
    for (const terminal of this.#terminals) this.#release(terminal);
  }

  /**
   * A group whose last member has gone must be forgotten: its number may be given to somebody else. Each close
   * looks at a few only, in turns, so that it costs the same however many groups are left.
   */
  #forgetEndedGroups(): void {
    let looks = Math.min(this.#leaders.size, LOOKS);
    for (const leader of this.#leaders) {
      if (looks === 0) return;
      looks -= 1;
      this.#forgetIfEnded(leader);
    }
  }

  #forgetIfEnded(leader: number): void {
    this.#leaders.delete(leader);
    // At the end of the line.
    if (this.#groups.isAlive(leader)) this.#leaders.add(leader);
    else this.#watchdog.remove(leader);
  }

  #keep(terminal: KeptTerminal): void {
    this.#terminals.add(terminal);
    if (this.#terminals.size % LOOK_AFTER === 0) void this.#releaseUnheld();
  }

  async #releaseUnheld(): Promise<void> {
    for (const terminal of this.#terminals) {
      const holders = await findHolders(new Set([terminal.path]), { exclude: new Set([process.pid]) });
      if (holders?.length === 0) this.#release(terminal);
    }
  }

  #release(terminal: KeptTerminal): void {
    if (!this.#terminals.delete(terminal)) return;
    this.#watchdog.removeTerminal(terminal.path);
    terminal.release();
  }
}

/** Groups left behind that each close looks at, beside its own. */
const LOOKS = 8;

// Each costs a descriptor, and finding out that nobody holds it any more costs a look at all processes.
const LOOK_AFTER = 16;

const terminalsOf = (process: ManagedProcess): readonly string[] =>
  process.options.tty ? process.links : [];

import { SHUTDOWN_GRACE_MS } from '../limits.ts';
import { killHolders } from '../platform/holders.ts';
import type { ProcessGroups } from '../platform/process-groups.ts';
import type { Watchdog } from '../platform/watchdog.ts';
import type { ManagedProcess } from './managed-process.ts';
import { stopGroup } from './stop-group.ts';

/**
 * What processes leave behind when they are closed, and has to end with the connection: groups that have
 * outlived their leader, and streams that were cut while others held them. The watchdog knows the same, for
 * the case that this server has no time left.
 */
export class Remains {
  readonly #groups: ProcessGroups;
  readonly #watchdog: Watchdog;
  readonly #leaders = new Set<number>();
  readonly #cutLinks = new Set<string>();

  constructor(groups: ProcessGroups, watchdog: Watchdog) {
    this.#groups = groups;
    this.#watchdog = watchdog;
  }

  /** A process was started. */
  started(process: ManagedProcess): void {
    this.#watchdog.add(process.pid);
    for (const terminal of terminalsOf(process)) this.#watchdog.addTerminal(terminal);
  }

  /** A process is closed; whatever it leaves is kept in mind. */
  closed(process: ManagedProcess): void {
    for (const terminal of terminalsOf(process)) this.#watchdog.removeTerminal(terminal);
    for (const link of process.cutLinks) this.#cutLinks.add(link);
    this.#leaders.add(process.pid);
    this.#forgetEndedGroups();
  }

  /** Ends all of it. */
  async stop(): Promise<void> {
    await Promise.all([...this.#leaders].map(leader => stopGroup(this.#groups, leader, SHUTDOWN_GRACE_MS)));
    if (this.#cutLinks.size > 0) await killHolders(this.#cutLinks);
  }

  /** A group whose last member has gone must be forgotten: its number may be given to somebody else. */
  #forgetEndedGroups(): void {
    for (const leader of this.#leaders) {
      if (this.#groups.isAlive(leader)) continue;
      this.#leaders.delete(leader);
      this.#watchdog.remove(leader);
    }
  }
}

const terminalsOf = (process: ManagedProcess): readonly string[] =>
  process.options.tty ? process.links : [];

import { MAX_CLOSED_BYTES, MAX_CLOSED_PROCESSES } from './limits.ts';
import type { ManagedProcess } from './managed-process.ts';

/** Closed processes that can still be read: for a time, and up to a number and an amount of memory. */
export class ClosedProcesses {
  /** The oldest first. */
  readonly #kept = new Map<string, Kept>();
  /** Retained output of all of them. */
  #bytes = 0;

  get(processId: string): ManagedProcess | undefined {
    return this.#kept.get(processId)?.process;
  }

  all(): ManagedProcess[] {
    return [...this.#kept.values()].map(({ process }) => process);
  }

  /** Keeps a process for some milliseconds. If there are too many, or they hold too much, the oldest are forgotten. */
  keep(process: ManagedProcess, forMs: number): void {
    const { processId } = process.options;
    this.forget(processId);
    const timer = setTimeout(() => this.forget(processId), forMs);
    timer.unref();
    const bytes = process.journal.retainedBytes;
    this.#kept.set(processId, { process, bytes, timer });
    this.#bytes += bytes;
    this.#dropOldest();
  }

  forget(processId: string): void {
    const kept = this.#kept.get(processId);
    if (kept === undefined) return;
    clearTimeout(kept.timer);
    this.#bytes -= kept.bytes;
    this.#kept.delete(processId);
    kept.process.journal.forget();
  }

  /** Forgets the oldest process that retains output; returns false if there is none. */
  forgetOldest(): boolean {
    for (const [processId, { process }] of this.#kept) {
      if (process.journal.retainedBytes === 0) continue;
      this.forget(processId);
      return true;
    }
    return false;
  }

  #dropOldest(): void {
    for (const processId of this.#kept.keys()) {
      const fits = this.#kept.size <= MAX_CLOSED_PROCESSES && this.#bytes <= MAX_CLOSED_BYTES;
      // The newest stays, whatever it holds: the client may be about to read it.
      if (fits || this.#kept.size === 1) return;
      this.forget(processId);
    }
  }
}

/** A closed process, and the output that it retained when it was closed; later it may only be less. */
type Kept = { readonly process: ManagedProcess; readonly bytes: number; readonly timer: NodeJS.Timeout };

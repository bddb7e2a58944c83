import { MAX_CLOSED_BYTES, MAX_CLOSED_PROCESSES } from './limits.ts';
import type { ManagedProcess } from './managed-process.ts';

/** Closed processes that can still be read, for a time and within a bound of number and memory. */
export class ClosedProcesses {
  /** The oldest first. */
  readonly #kept = new Map<string, Kept>();
  /** What all of them retain. */
  #bytes = 0;

  get(processId: string): ManagedProcess | undefined {
    return this.#kept.get(processId)?.process;
  }

  all(): ManagedProcess[] {
    return [...this.#kept.values()].map(({ process }) => process);
  }

  /** Keeps a process for some milliseconds; older ones go if they are too many or hold too much. */
  keep(process: ManagedProcess, forMs: number): void {
    const { processId } = process.options;
    this.forget(processId);
    const timer = setTimeout(() => this.forget(processId), forMs);
    timer.unref();
    const bytes = process.retainedBytes;
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
    kept.process.forget();
  }

  /** Forgets the oldest, whoever may be about to read it; `false` if there is none that retains output. */
  forgetOldest(): boolean {
    for (const [processId, { process }] of this.#kept) {
      if (process.retainedBytes === 0) continue;
      this.forget(processId);
      return true;
    }
    return false;
  }

  #dropOldest(): void {
    for (const processId of this.#kept.keys()) {
      const few = this.#kept.size <= MAX_CLOSED_PROCESSES && this.#bytes <= MAX_CLOSED_BYTES;
      // The newest one stays whatever it holds: somebody may be about to read it.
      if (few || this.#kept.size === 1) return;
      this.forget(processId);
    }
  }
}

/** A closed process writes no more; what it retains is at most what it was then. */
type Kept = { readonly process: ManagedProcess; readonly bytes: number; readonly timer: NodeJS.Timeout };

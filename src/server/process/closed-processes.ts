import { MAX_CLOSED_BYTES, MAX_CLOSED_PROCESSES } from '../limits.ts';
import type { ManagedProcess } from './managed-process.ts';

/** Closed processes that can still be read, for a time and within a bound of number and memory. */
export class ClosedProcesses {
  /** The oldest first. */
  readonly #kept = new Map<string, { readonly process: ManagedProcess; readonly timer: NodeJS.Timeout }>();

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
    this.#kept.set(processId, { process, timer });
    this.#dropOldest();
  }

  forget(processId: string): void {
    clearTimeout(this.#kept.get(processId)?.timer);
    this.#kept.delete(processId);
  }

  #dropOldest(): void {
    let bytes = this.all().reduce((sum, { retainedBytes }) => sum + retainedBytes, 0);
    for (const [processId, { process }] of this.#kept) {
      const few = this.#kept.size <= MAX_CLOSED_PROCESSES && bytes <= MAX_CLOSED_BYTES;
      // The newest one stays whatever it holds: somebody may be about to read it.
      if (few || this.#kept.size === 1) return;
      this.forget(processId);
      bytes -= process.retainedBytes;
    }
  }
}

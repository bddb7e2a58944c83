import { limitExceeded, processExists } from '../../protocol/errors.ts';
import { ClosedProcesses } from './closed-processes.ts';
import { ManagedProcess } from './managed-process.ts';
import { PendingStart } from './start/pending-start.ts';

/** Processes of one connection by id: pending starts, live processes, and closed ones that are retained. */
export class ProcessRegistry {
  readonly closed = new ClosedProcesses();
  readonly #maxProcesses: number;
  /** Pending or live; either takes the id. */
  readonly #open = new Map<string, ManagedProcess | PendingStart>();

  /** @param maxProcesses bound of pending and live ones together */
  constructor(maxProcesses: number) {
    this.#maxProcesses = maxProcesses;
  }

  /** Number of pending and live processes. */
  get openCount(): number {
    return this.#open.size;
  }

  /**
   * Takes an id for a start. A closed process of that id is forgotten.
   *
   * @throws {ExecServerError} `processExists`, `limitExceeded`
   */
  reserve(processId: string): PendingStart {
    if (this.#open.has(processId)) throw processExists(processId);
    const count = this.#open.size + 1;
    if (count > this.#maxProcesses) throw limitExceeded('processes', count, this.#maxProcesses);
    this.closed.forget(processId);
    const pending = new PendingStart();
    this.#open.set(processId, pending);
    return pending;
  }

  /** Frees the id of a start that failed. */
  release(processId: string): void {
    this.#open.delete(processId);
  }

  /** Replaces the pending start of a process. */
  add(process: ManagedProcess): void {
    this.#open.set(process.options.processId, process);
  }

  /** Moves a process to the closed ones, which are retained for `retainedMs`. */
  close(process: ManagedProcess, retainedMs: number): void {
    this.#open.delete(process.options.processId);
    this.closed.keep(process, retainedMs);
  }

  pending(processId: string): PendingStart | undefined {
    const found = this.#open.get(processId);
    return found instanceof PendingStart ? found : undefined;
  }

  live(processId: string): ManagedProcess | undefined {
    const found = this.#open.get(processId);
    return found instanceof PendingStart ? undefined : found;
  }

  /** The process with an id, live or closed. */
  find(processId: string): ManagedProcess | undefined {
    return this.live(processId) ?? this.closed.get(processId);
  }

  allPending(): PendingStart[] {
    return [...this.#open.values()].filter(found => found instanceof PendingStart);
  }

  allLive(): ManagedProcess[] {
    return [...this.#open.values()].filter(found => found instanceof ManagedProcess);
  }
}

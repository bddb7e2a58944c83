import type { MemoryBudget } from '../memory/memory-budget.ts';
import { CLOSED_PROCESS_GARBAGE_BYTES } from './limits.ts';
import { EvictableMemory } from './output/evictable-memory.ts';
import { PendingOutput } from './output/pending-output.ts';
import type { StdinMemory } from './stdin-queue.ts';
import { WriteIds } from './write-ids.ts';

/** Memory that the processes of a connection share. */
export class ProcessMemory {
  readonly #budget: MemoryBudget;
  readonly stdin: StdinMemory;
  /** Output for `process/read`. */
  readonly retained: EvictableMemory;
  readonly headTail: EvictableMemory;
  readonly pending: PendingOutput;

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
    this.stdin = { share: budget.share('stdin'), writeIds: new WriteIds() };
    this.retained = new EvictableMemory(budget.share('retained'));
    this.headTail = new EvictableMemory(budget.share('headTail'));
    this.pending = new PendingOutput(budget.share('pending'));
    // Output that was sent already is the least valuable use of memory.
    budget.onShort(bytes => this.retained.free(bytes));
  }

  /** Records the garbage that a closed process leaves. */
  processClosed(): void {
    this.#budget.discarded(CLOSED_PROCESS_GARBAGE_BYTES);
  }
}

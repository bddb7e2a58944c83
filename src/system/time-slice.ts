import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * A stretch of long work that other work of the process interrupts: the work asks now and then whether the slice is
 * over, and then waits for the next one.
 */
export class TimeSlice {
  #startedAt = performance.now();

  /** True when the work should yield. */
  get over(): boolean {
    return performance.now() - this.#startedAt >= SLICE_MS;
  }

  /** Lets everything else that is due be done first. */
  async next(): Promise<void> {
    await nextTurn();
    this.#startedAt = performance.now();
  }
}

/** Longest work without a break, in milliseconds: the time of a few small requests. */
const SLICE_MS = 4;

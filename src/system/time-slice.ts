import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * A stretch of long work that other work of the process interrupts: the work asks now and then whether the slice is
 * over, and then waits for the next one.
 */
export class TimeSlice {
  #startedAt = performance.now();

  /** Whether the work has gone on for long enough. */
  get over(): boolean {
    return performance.now() - this.#startedAt >= SLICE_MS;
  }

  /** Lets everything else that is due be done first. */
  async next(): Promise<void> {
    await nextTurn();
    this.#startedAt = performance.now();
  }
}

/** How long work goes on at a stretch, in milliseconds: as long as a few small requests take. */
const SLICE_MS = 4;

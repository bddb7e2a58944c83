import type { MemoryShare } from '../../memory/memory-budget.ts';

/** A process whose streams are read. */
export type Reading = { pauseReading(): void; resumeReading(): void };

/**
 * Output of a connection that was read and waits for the client. Of one process that is little; when it is too much
 * of all of them together, none is read until half of it was sent.
 */
export class PendingOutput {
  readonly #share: MemoryShare | undefined;
  readonly #readings = new Set<Reading>();
  #bytes = 0;
  #resumeAt = 0;
  #full = false;

  /** @param share without it there is no bound */
  constructor(share?: MemoryShare) {
    this.#share = share;
  }

  /** Set while nothing may be read. */
  get full(): boolean {
    return this.#full;
  }

  join(reading: Reading): void {
    this.#readings.add(reading);
  }

  leave(reading: Reading): void {
    this.#readings.delete(reading);
  }

  /** Counts what was read. */
  take(bytes: number): void {
    this.#bytes += bytes;
    if (this.#share === undefined || this.#share.tryTake(bytes)) return;
    this.#share.take(bytes);
    if (this.#full) return;
    this.#full = true;
    this.#resumeAt = this.#bytes / 2;
    for (const reading of this.#readings) reading.pauseReading();
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
    this.#share?.release(bytes);
    if (!this.#full || this.#bytes > this.#resumeAt) return;
    this.#full = false;
    for (const reading of this.#readings) reading.resumeReading();
  }
}

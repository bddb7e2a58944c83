import type { MemoryShare } from '../../memory/memory-budget.ts';

/** A reader of the streams of one process. */
export type PausableReader = { pauseReading(): void; resumeReading(): void };

/**
 * Memory of output that was read and waits for the client. One process has little of it; if all processes of a connection
 * have too much together, none is read until half of it was sent.
 */
export class PendingOutput {
  readonly #share: MemoryShare | undefined;
  readonly #readers = new Set<PausableReader>();
  #bytes = 0;
  #resumeAt = 0;
  #full = false;

  /** @param share unlimited without it */
  constructor(share?: MemoryShare) {
    this.#share = share;
  }

  /** True while no process may be read. */
  get full(): boolean {
    return this.#full;
  }

  join(reader: PausableReader): void {
    this.#readers.add(reader);
  }

  leave(reader: PausableReader): void {
    this.#readers.delete(reader);
  }

  /** Counts bytes that were read, even beyond the limit. */
  take(bytes: number): void {
    this.#bytes += bytes;
    if (this.#share === undefined || this.#share.tryTake(bytes)) return;
    this.#share.take(bytes);
    if (this.#full) return;
    this.#full = true;
    this.#resumeAt = this.#bytes / 2;
    for (const reader of this.#readers) reader.pauseReading();
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
    this.#share?.release(bytes);
    if (!this.#full || this.#bytes > this.#resumeAt) return;
    this.#full = false;
    for (const reader of this.#readers) reader.resumeReading();
  }
}

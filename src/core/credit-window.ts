import { ACKNOWLEDGE_BYTES, MAX_WINDOW_GROWTH_BYTES, OUTPUT_WINDOW_BYTES, WINDOW_GROWTH } from './limits.ts';

/** The credit windows of one connection: their sizes, and the memory that they share when they grow. */
export class CreditWindows {
  /** Size of the window of a new process, in bytes. */
  readonly initialBytes: number;
  /** Largest size of one window; the initial one for a server that does not support another. */
  readonly maxBytes: number;
  #growthLeft = MAX_WINDOW_GROWTH_BYTES;

  constructor(initialBytes = OUTPUT_WINDOW_BYTES, maxBytes = initialBytes) {
    this.initialBytes = initialBytes;
    this.maxBytes = Math.max(initialBytes, maxBytes);
  }

  /** Takes memory for growth; returns how much of it was available. */
  take(bytes: number): number {
    const taken = Math.min(bytes, this.#growthLeft);
    this.#growthLeft -= taken;
    return taken;
  }

  release(bytes: number): void {
    this.#growthLeft += bytes;
  }
}

/**
 * The credit window of one process: output that the server may send before it is acknowledged.
 *
 * It follows the product of bandwidth and delay. While the reader keeps up, only the window can limit the output, so each
 * acknowledgement enlarges it. While the reader is behind, it shrinks by what is read, down to the initial size: its end
 * never moves back, so output that is under way always fits.
 */
export class CreditWindow {
  readonly #windows: CreditWindows;
  #bytes: number;

  constructor(windows: CreditWindows) {
    this.#windows = windows;
    this.#bytes = windows.initialBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get initialBytes(): number {
    return this.#windows.initialBytes;
  }

  /** Output that is acknowledged at a time, in bytes. */
  get acknowledgeBytes(): number {
    return Math.max(Math.min(ACKNOWLEDGE_BYTES, this.#windows.initialBytes / 4), this.#bytes / 8);
  }

  /**
   * Adapts the window before an acknowledgement.
   *
   * @param read bytes that are acknowledged
   * @param unread bytes that have arrived and wait for the reader
   * @returns the new size; `undefined` if it is the same
   */
  adapt(read: number, unread: number): number | undefined {
    const { initialBytes, maxBytes } = this.#windows;
    const before = this.#bytes;
    if (unread < before / 4) {
      this.#bytes += this.#windows.take(Math.min(WINDOW_GROWTH * read, maxBytes - before));
    } else if (unread > before / 2) {
      this.#bytes = Math.max(initialBytes, before - read);
      this.#windows.release(before - this.#bytes);
    }
    return this.#bytes === before ? undefined : this.#bytes;
  }

  /** Returns what it has grown by. Idempotent. */
  release(): void {
    this.#windows.release(this.#bytes - this.#windows.initialBytes);
    this.#bytes = this.#windows.initialBytes;
  }
}

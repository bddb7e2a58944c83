import { MIN_SEND_WINDOW_BYTES, SEND_OVERHEAD_BYTES } from './limits.ts';

/**
 * Blocks of stdin and of files that were sent over one connection and are not answered. Several are under way, so that a
 * long round trip does not limit the bandwidth. A stream may have twice as much under way as the window has left, so one
 * alone gets two thirds of it, and streams that are never answered leave room for the others.
 */
export class SendWindow {
  readonly #maxBytes: number;
  readonly #queue: SendQueue;
  readonly #waiting = new Set<() => void>();
  #usedBytes = 0;

  /** @param maxBytes limit of all streams together, except that each may have one block */
  constructor(maxBytes: number, queue: SendQueue) {
    this.#maxBytes = Math.max(maxBytes, MIN_SEND_WINDOW_BYTES);
    this.#queue = queue;
  }

  /** True if a stream that has `usedBytes` under way may send another block. */
  allows(usedBytes: number): boolean {
    return usedBytes === 0 || usedBytes <= 2 * (this.#maxBytes - this.#usedBytes);
  }

  /** Resolves when a block was answered. */
  changed(): Promise<void> {
    return new Promise(resolve => this.#waiting.add(resolve));
  }

  /** Resolves when the queue of this side is short, so that a key or a signal is not sent behind much. */
  queueShort(): Promise<void> | undefined {
    return this.#queue.shortened();
  }

  take(bytes: number): void {
    this.#usedBytes += bytes;
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }
}

/** Messages of this side that are not written yet. */
export type SendQueue = {
  /** Resolves when few bytes are queued; `undefined` if that is the case. */
  shortened(): Promise<void> | undefined;
};

/** The blocks of one stream that are under way. An error of one is that of a later call. */
export class BlocksUnderWay {
  readonly #window: SendWindow;
  #bytes = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(window: SendWindow) {
    this.#window = window;
  }

  /** Memory of the blocks, in bytes. */
  get underWay(): number {
    return this.#bytes;
  }

  /** Resolves when the next block may be sent. */
  async room(): Promise<void> {
    for (;;) {
      this.#throwFailure();
      const blocked = this.#window.allows(this.#bytes) ? this.#window.queueShort() : this.#window.changed();
      if (blocked === undefined) return;
      await blocked;
    }
  }

  /** Counts a block until it is answered. */
  add(length: number, answered: Promise<unknown>): void {
    const bytes = length + SEND_OVERHEAD_BYTES;
    this.#bytes += bytes;
    this.#window.take(bytes);
    const settled = () => {
      this.#bytes -= bytes;
      this.#window.release(bytes);
    };
    answered.then(settled, error => {
      this.#failure ??= { error };
      settled();
    });
  }

  /** Resolves when all blocks were answered. */
  async answered(): Promise<void> {
    while (this.#bytes > 0) await this.#window.changed();
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

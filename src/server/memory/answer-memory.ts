import { Fifo } from '../../system/fifo.ts';
import type { MemoryBudget, MemoryShare } from './memory-budget.ts';

/** Messages that a client has not read yet. */
export type Backlog = {
  readonly queuedBytes: number;
  /** Resolves when the client has read what is queued now, or never will. */
  flushed(): Promise<void>;
};

/**
 * The memory of answers, from the moment that they are made until the client has read them. A request whose answer
 * may be long waits until there is room for it, in the order of the requests; one that is too long for the share is
 * made when no other is.
 *
 * A long-running one, such as the body of a download, waits for room before it has an answer; so none waits for
 * another that waits itself.
 */
export class AnswerMemory {
  readonly #share: MemoryShare;
  readonly #backlog: Backlog;
  readonly #waiting = new Fifo<{ readonly bytes: number; readonly begin: () => void }>();
  #flushing = false;

  constructor(budget: MemoryBudget, backlog: Backlog) {
    this.#share = budget.share('answers');
    this.#backlog = backlog;
    budget.onReleased(() => this.#beginNext());
  }

  /**
   * Makes an answer when there is room for it.
   *
   * @param bytes the most that it takes, in all the forms that it has until it is queued
   */
  async making<Answer>(bytes: number, make: () => Answer | Promise<Answer>): Promise<Answer> {
    await this.take(bytes);
    try {
      return await make();
    } finally {
      this.releaseOnceQueued(bytes);
    }
  }

  /** Waits for room and takes it. */
  async take(bytes: number): Promise<void> {
    if (this.#waiting.length === 0 && this.#mayBegin(bytes)) this.#share.take(bytes);
    else {
      const begun = new Promise<void>(begin => this.#waiting.push({ bytes, begin }));
      this.#beginNext();
      await begun;
    }
  }

  /** Gives room back when the answer that is returned now is in the queue to the client, where it counts by itself. */
  releaseOnceQueued(bytes: number): void {
    setImmediate(() => this.#share.release(bytes));
  }

  #mayBegin(bytes: number): boolean {
    const { queuedBytes } = this.#backlog;
    if (this.#share.fits(bytes, queuedBytes)) return true;
    return this.#share.usedBytes === 0 && queuedBytes <= FEW_QUEUED_BYTES;
  }

  #beginNext(): void {
    for (let next = this.#waiting.first; next && this.#mayBegin(next.bytes); next = this.#waiting.first) {
      this.#waiting.take();
      this.#share.take(next.bytes);
      next.begin();
    }
    if (this.#waiting.length > 0 && this.#backlog.queuedBytes > 0) this.#afterFlush();
  }

  #afterFlush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    void this.#backlog.flushed().then(() => {
      this.#flushing = false;
      this.#beginNext();
    });
  }
}

// Output that is always under way must not keep a long answer waiting.
const FEW_QUEUED_BYTES = 512 * 1024;

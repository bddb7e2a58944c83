import { Fifo } from '../../system/fifo.ts';
import { afterFlush, type Backlog } from './backlog.ts';
import type { MemoryBudget, MemoryShare } from './memory-budget.ts';

/**
 * Memory of answers, from their creation until the client has read them. A request with a long answer waits, in the
 * order of the requests, until there is memory for it; an answer longer than the share is made while there is no other.
 *
 * An answer that takes long, such as a download, waits for memory before it holds any, so no answer waits for one that
 * waits itself.
 */
export class AnswerMemory {
  readonly #share: MemoryShare;
  readonly #backlog: Backlog;
  readonly #waiting = new Fifo<{ readonly bytes: number; readonly begin: () => void }>();
  readonly #beginAfterFlush: () => void;

  constructor(budget: MemoryBudget, backlog: Backlog) {
    this.#share = budget.share('answers');
    this.#backlog = backlog;
    this.#beginAfterFlush = afterFlush(backlog, () => this.#beginNext());
    budget.onReleased(() => this.#beginNext());
  }

  /**
   * Makes an answer once there is memory for it.
   *
   * @param bytes maximum of all its copies until it is queued
   */
  async making<Answer>(bytes: number, make: () => Answer | Promise<Answer>): Promise<Answer> {
    await this.take(bytes);
    try {
      return await make();
    } finally {
      this.releaseOnceQueued(bytes);
    }
  }

  /** Waits for memory and takes it. */
  async take(bytes: number): Promise<void> {
    if (this.#waiting.length === 0 && this.#mayBegin(bytes)) this.#share.take(bytes);
    else {
      const begun = new Promise<void>(begin => this.#waiting.push({ bytes, begin }));
      this.#beginNext();
      await begun;
    }
  }

  /** Releases memory when the answer that is returned now is queued, where it counts by itself. */
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
    if (this.#waiting.length > 0 && this.#backlog.queuedBytes > 0) this.#beginAfterFlush();
  }
}

// Continuous output must not make a long answer wait forever.
const FEW_QUEUED_BYTES = 512 * 1024;

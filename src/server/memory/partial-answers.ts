import type { MemoryShare } from '../memory/memory-budget.ts';

/** Memory of one answer. */
type Part = { bytes: number };

/** Takes memory for more of an answer, and resolves when it is available; releases it for a negative number. */
export type Grow = (bytes: number) => Promise<void>;

/**
 * Memory of answers that grow while they are made, such as the body of an HTTP response. An answer that needs more than
 * is available waits for others. The oldest never waits, so one always completes.
 */
export class PartialAnswers {
  readonly #share: MemoryShare;
  /** The oldest first. */
  readonly #parts = new Set<Part>();
  #waiting: Array<() => void> = [];

  constructor(share: MemoryShare) {
    this.#share = share;
  }

  /** Makes an answer that grows. Its memory counts until it is complete. */
  async making<Answer>(make: (grow: Grow) => Promise<Answer>): Promise<Answer> {
    const part = { bytes: 0 };
    this.#parts.add(part);
    try {
      return await make(bytes => this.#grow(part, bytes));
    } finally {
      this.#parts.delete(part);
      this.#share.release(part.bytes);
      this.#wake();
    }
  }

  async #grow(part: Part, bytes: number): Promise<void> {
    if (bytes < 0) {
      part.bytes += bytes;
      this.#share.release(-bytes);
      this.#wake();
      return;
    }
    while (!this.#share.tryTake(bytes)) {
      const [oldest] = this.#parts;
      if (part === oldest) {
        this.#share.take(bytes);
        break;
      }
      await new Promise<void>(resolve => this.#waiting.push(resolve));
    }
    part.bytes += bytes;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** A `Grow` without a limit. */
export const growFreely: Grow = () => Promise.resolve();

import type { MemoryShare } from '../memory/memory-budget.ts';

/** Memory of one answer. */
type Part = { bytes: number };

/** Takes memory for more of an answer, resolves when it has it; or gives back, with a negative number. */
export type Grow = (bytes: number) => Promise<void>;

/**
 * The memory of answers that grow while they are made, such as the body of an HTTP response. One that needs more than
 * there is waits until others are done. The oldest never waits, so that one is always done.
 */
export class PartialAnswers {
  readonly #share: MemoryShare;
  /** The oldest first. */
  readonly #parts = new Set<Part>();
  #waiting: Array<() => void> = [];

  constructor(share: MemoryShare) {
    this.#share = share;
  }

  /** Makes an answer that grows. What it has taken counts until it is made. */
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

/** For what is not bounded. */
export const growFreely: Grow = () => Promise.resolve();

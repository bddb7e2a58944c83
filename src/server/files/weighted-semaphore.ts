import { Fifo } from '../../system/fifo.ts';

/**
 * Keeps what is under way within a bound: each task has a weight, and waits while there would be too much. Tasks
 * begin in the order in which they came; one that is too heavy for the bound has it for itself.
 */
export class Turns {
  readonly #capacity: number;
  readonly #waiting = new Fifo<{ readonly weight: number; readonly begin: () => void }>();
  #taken = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Waits for a turn. What it resolves with gives the turn back, and must be called once. */
  async take(weight: number): Promise<() => void> {
    const bounded = Math.min(weight, this.#capacity);
    if (this.#waiting.length > 0 || !this.#fits(bounded)) {
      await new Promise<void>(begin => this.#waiting.push({ weight: bounded, begin }));
    } else this.#taken += bounded;
    return () => {
      this.#taken -= bounded;
      this.#beginNext();
    };
  }

  #fits(weight: number): boolean {
    return this.#taken + weight <= this.#capacity;
  }

  #beginNext(): void {
    for (let next = this.#waiting.first; next && this.#fits(next.weight); next = this.#waiting.first) {
      this.#waiting.take();
      this.#taken += next.weight;
      next.begin();
    }
  }
}

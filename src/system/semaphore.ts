import { Fifo } from './fifo.ts';

/** A bound on concurrent tasks. Further tasks start in the order of the calls. */
export class Semaphore {
  readonly #waiting = new Fifo<() => void>();
  #free: number;

  constructor(capacity: number) {
    this.#free = capacity;
  }

  async run<Result>(task: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>(start => this.#waiting.push(start));
    try {
      return await task();
    } finally {
      const startNext = this.#waiting.take();
      if (startNext === undefined) this.#free += 1;
      else startNext();
    }
  }
}

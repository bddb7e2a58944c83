import { Fifo } from '../../../system/fifo.ts';

/** How much output of one process may be under way: sent, and not acknowledged by the client. */
export class Credit {
  readonly #windowBytes: number;
  readonly #unacknowledged = new Fifo<{ readonly seq: number; readonly bytes: number }>();
  #underWay = 0;

  /** @param windowBytes the bound, or infinity for a client that acknowledges nothing */
  constructor(windowBytes: number) {
    this.#windowBytes = windowBytes;
  }

  /** Whether so many more bytes may be sent. */
  allows(bytes: number): boolean {
    return this.#underWay + bytes <= this.#windowBytes;
  }

  sent(seq: number, bytes: number): void {
    if (this.#windowBytes === Number.POSITIVE_INFINITY) return;
    this.#unacknowledged.push({ seq, bytes });
    this.#underWay += bytes;
  }

  /** The client has taken in everything up to `seq`. */
  acknowledge(seq: number): void {
    for (let oldest = this.#unacknowledged.first; oldest !== undefined; oldest = this.#unacknowledged.first) {
      if (oldest.seq > seq) return;
      this.#unacknowledged.take();
      this.#underWay -= oldest.bytes;
    }
  }
}

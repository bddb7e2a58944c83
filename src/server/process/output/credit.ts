import { Fifo } from '../../../system/fifo.ts';

/** Credit window of one process: output that was sent and that the client has not acknowledged. */
export class Credit {
  #windowBytes: number;
  readonly #sent = new Fifo<{ readonly seq: number; readonly bytes: number }>();
  #unacknowledgedBytes = 0;

  /** @param windowBytes infinity for a client that acknowledges nothing */
  constructor(windowBytes: number) {
    this.#windowBytes = windowBytes;
  }

  /** True if as many more bytes may be sent. */
  allows(bytes: number): boolean {
    return this.#unacknowledgedBytes + bytes <= this.#windowBytes;
  }

  sent(seq: number, bytes: number): void {
    if (this.#windowBytes === Number.POSITIVE_INFINITY) return;
    this.#sent.push({ seq, bytes });
    this.#unacknowledgedBytes += bytes;
  }

  /** Records that the client has handled everything up to `seq`, and has changed the window if it says so. */
  acknowledge(seq: number, windowBytes = this.#windowBytes): void {
    this.#windowBytes = windowBytes;
    for (let oldest = this.#sent.first; oldest !== undefined; oldest = this.#sent.first) {
      if (oldest.seq > seq) return;
      this.#sent.take();
      this.#unacknowledgedBytes -= oldest.bytes;
    }
  }
}

import { Fifo } from '../../system/fifo.ts';

/** Bytes that were sent and may have to be sent again: those that the other side has not acknowledged. */
export class Replay {
  readonly #chunks = new Fifo<Buffer>();
  /** Offset of the first byte that is kept. */
  #start: number;
  #end: number;

  readonly #release: (chunk: Buffer) => void;

  /**
   * @param start total of the bytes that were sent before
   * @param release called with each chunk that is not kept any more
   */
  constructor(start: number, release: (chunk: Buffer) => void = () => {}) {
    this.#release = release;
    this.#start = start;
    this.#end = start;
  }

  /** Total of the bytes that were sent. */
  get sentBytes(): number {
    return this.#end;
  }

  get bytes(): number {
    return this.#end - this.#start;
  }

  /** Adds bytes, which must not be changed afterwards. */
  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#end += chunk.length;
  }

  /** Drops what the other side has received; a total that was reported before, or is too large, has no effect. */
  acknowledge(totalBytes: number): void {
    if (totalBytes > this.#end) return;
    while (this.#chunks.length > 0) {
      const first = this.#chunks.first as Buffer;
      const received = totalBytes - this.#start;
      if (received <= 0) return;
      if (received < first.length) {
        this.#chunks.replaceFirst(first.subarray(received));
        this.#start = totalBytes;
        return;
      }
      this.#chunks.take();
      this.#start += first.length;
      this.#release(first);
    }
  }

  /** Returns true if everything after this total is kept. */
  covers(totalBytes: number): boolean {
    return totalBytes >= this.#start && totalBytes <= this.#end;
  }

  /** The bytes that are kept, in order. */
  get chunks(): Iterable<Buffer> {
    return this.#chunks;
  }
}

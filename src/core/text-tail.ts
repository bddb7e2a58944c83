/** Keeps the last lines of a byte stream as text, within a bound. */
export class TextTail {
  readonly #maxBytes: number;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Buffer): void {
    const all = Buffer.concat([this.#bytes, chunk.subarray(-this.#maxBytes)]);
    this.#bytes = all.subarray(-this.#maxBytes);
  }

  /** The last `count` lines that aren't empty. */
  lines(count: number): string[] {
    return this.#bytes
      .toString('utf8')
      .split(/\r?\n|\r/)
      .filter(line => line.trim() !== '')
      .slice(-count);
  }
}

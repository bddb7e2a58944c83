/** Keeps the last lines of a byte stream as text, within a bound. */
export class TextTail {
  readonly #maxBytes: number;
  #bytes: Buffer = Buffer.alloc(0);
  #cut = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Buffer): void {
    const all = Buffer.concat([this.#bytes, chunk.subarray(-this.#maxBytes)]);
    this.#cut ||= this.#bytes.length + chunk.length > this.#maxBytes;
    this.#bytes = all.subarray(-this.#maxBytes);
  }

  /** All that is kept, from the first whole character on. */
  get text(): string {
    return this.#bytes.subarray(this.#cut ? startOfCharacter(this.#bytes) : 0).toString('utf8');
  }

  /** The last `count` lines that aren't empty. */
  lines(count: number): string[] {
    return this.text
      .split(/\r?\n|\r/)
      .filter(line => line.trim() !== '')
      .slice(-count);
  }
}

/** Where the first character begins that isn't the rest of one which was cut off: of three bytes at most. */
const startOfCharacter = (bytes: Buffer): number => {
  const start = bytes.subarray(0, 3).findIndex(byte => (byte & 0xc0) !== 0x80);
  return start < 0 ? Math.min(bytes.length, 3) : start;
};

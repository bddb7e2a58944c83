/** The last bytes of a stream, as text. */
export class TextTail {
  readonly #maxBytes: number;
  #bytes: Buffer = Buffer.alloc(0);
  #isCut = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Buffer): void {
    const all = Buffer.concat([this.#bytes, chunk.subarray(-this.#maxBytes)]);
    this.#isCut ||= this.#bytes.length + chunk.length > this.#maxBytes;
    this.#bytes = all.subarray(-this.#maxBytes);
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  /** True if there were more bytes. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** The bytes that are kept, from the first whole character on. */
  get text(): string {
    return this.#bytes.subarray(this.#isCut ? startOfCharacter(this.#bytes) : 0).toString('utf8');
  }
}

/** Returns the offset of the first whole character: at most three bytes are the rest of another. */
const startOfCharacter = (bytes: Buffer): number => {
  const start = bytes.subarray(0, 3).findIndex(byte => (byte & 0xc0) !== 0x80);
  return start < 0 ? Math.min(bytes.length, 3) : start;
};

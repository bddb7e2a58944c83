/**
 * The body of a frame, whose length is known, in one buffer. The memory of a long one grows with the bytes that have
 * arrived, not with the announced length.
 */
export class Body {
  readonly length: number;
  #bytes: Buffer = Buffer.alloc(0);
  #filled = 0;

  constructor(length: number) {
    this.length = length;
  }

  /** Number of bytes that have not arrived. */
  get missing(): number {
    return this.length - this.#filled;
  }

  /** Adds the part of `chunk` that belongs to the body, and returns its length. */
  take(chunk: Buffer): number {
    const taken = Math.min(chunk.length, this.missing);
    if (this.#filled === 0 && taken === this.length) {
      this.#bytes = chunk.subarray(0, taken);
    } else {
      this.#reserve(this.#filled + taken);
      chunk.copy(this.#bytes, this.#filled, 0, taken);
    }
    this.#filled += taken;
    return taken;
  }

  /** The whole body; valid once nothing is missing. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  #reserve(size: number): void {
    if (this.#bytes.length >= size) return;
    const grown = Buffer.allocUnsafeSlow(this.#capacityFor(size));
    this.#bytes.copy(grown, 0, 0, this.#filled);
    this.#bytes = grown;
  }

  #capacityFor(size: number): number {
    // The system provides memory only when it is written, so reserving more than is needed now costs nothing.
    if (this.length <= RESERVED_BYTES || size > RESERVED_BYTES) return this.length;
    return Math.min(RESERVED_BYTES, Math.max(size, this.#bytes.length * 2));
  }
}

/** Length up to which the whole body is reserved, so that it is copied once; longer than a block of a file. */
const RESERVED_BYTES = 2 * 1024 * 1024;

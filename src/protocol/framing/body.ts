/**
 * Gathers a body of known length in one buffer, however small the chunks are. Memory for a long one follows what has
 * arrived, not what was announced.
 */
export class Body {
  readonly length: number;
  #bytes: Buffer = Buffer.alloc(0);
  #filled = 0;

  constructor(length: number) {
    this.length = length;
  }

  /** How many bytes are still to come. */
  get missing(): number {
    return this.length - this.#filled;
  }

  /** Takes as much of `chunk` as belongs to the body and tells how much that was. */
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

  /** The whole body; only when nothing is missing. */
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
    // The system provides memory only where something is written, so reserving the rest costs nothing by now.
    if (this.length <= RESERVED_BYTES || size > RESERVED_BYTES) return this.length;
    return Math.min(RESERVED_BYTES, Math.max(size, this.#bytes.length * 2));
  }
}

/** Up to here a body is reserved whole: so it is copied once. Blocks of files are not much longer than half of it. */
const RESERVED_BYTES = 2 * 1024 * 1024;

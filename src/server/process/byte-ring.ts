/** A queue of bytes in memory that is taken once, as far as it is needed, and then used again and again. */
export class ByteRing {
  #memory: Buffer = Buffer.alloc(0);
  #start = 0;
  #length = 0;

  /** How many bytes are in it. */
  get length(): number {
    return this.#length;
  }

  /** Adds a copy of bytes at the end. */
  push(bytes: Buffer): void {
    this.#reserve(this.#length + bytes.length);
    const end = this.#wrapped(this.#start + this.#length);
    const copied = bytes.copy(this.#memory, end);
    bytes.copy(this.#memory, 0, copied);
    this.#length += bytes.length;
  }

  /** Forgets the first bytes. */
  drop(count: number): void {
    this.#length -= count;
    this.#start = this.#length === 0 ? 0 : this.#wrapped(this.#start + count);
  }

  /** A copy of `count` bytes, of which the first is the one at `from`. */
  copy(from: number, count: number): Buffer {
    const start = this.#wrapped(this.#start + from);
    const first = this.#memory.subarray(start, start + count);
    return Buffer.concat([first, this.#memory.subarray(0, count - first.length)]);
  }

  #reserve(size: number): void {
    if (size <= this.#memory.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(size, 2 * this.#memory.length));
    this.copy(0, this.#length).copy(larger);
    this.#memory = larger;
    this.#start = 0;
  }

  #wrapped(place: number): number {
    return place < this.#memory.length ? place : place - this.#memory.length;
  }
}

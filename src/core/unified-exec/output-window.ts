import { bytesOfCutCharacter, unfinishedBytes } from './whole-characters.ts';

/** Output since the last `take`, reduced to a limit. */
export type OutputCut = {
  /** The beginning; all of it if nothing is omitted. */
  readonly head: Buffer;
  /** The end, after what is omitted. */
  readonly tail: Buffer;
  /** The exact number of bytes between head and tail. */
  readonly omitted: number;
  /** The number of all bytes: head, omitted and tail. */
  readonly total: number;
};

/**
 * The first and the last part of the output between two calls of `take`, in a buffer of bounded size; the bytes in
 * between are counted. Writes never block.
 *
 * The buffer is one block: the head, followed by the tail, which is a ring once it is full.
 */
export class OutputWindow {
  readonly #half: number;
  #block: Buffer = Buffer.alloc(0);
  #total = 0;

  /** @param maxBytes the size of head and tail together; an odd byte is not used, and each has at least one */
  constructor(maxBytes: number) {
    this.#half = Math.max(1, Math.floor(maxBytes / 2));
  }

  /** True if there was no output since the last `take`. */
  get isEmpty(): boolean {
    return this.#total === 0;
  }

  push(bytes: Buffer): void {
    this.#makeRoom(this.#total + bytes.length);
    for (let taken = 0; taken < bytes.length; ) {
      // Bytes that this piece itself would overwrite are skipped.
      if (this.#total >= this.#half && bytes.length - taken > this.#half) {
        const skipped = bytes.length - taken - this.#half;
        this.#total += skipped;
        taken += skipped;
      }
      const at = this.#position(this.#total);
      const end = this.#total < this.#half ? this.#half : 2 * this.#half;
      const count = Math.min(bytes.length - taken, end - at);
      bytes.copy(this.#block, at, taken, taken + count);
      this.#total += count;
      taken += count;
    }
  }

  /** Removes and returns the output, at most `maxBytes` of it. No character is split. */
  take(maxBytes: number): OutputCut {
    const [block, total] = [this.#block, this.#total];
    const kept = Math.min(maxBytes, 2 * this.#half);
    const end = total > 2 * this.#half ? this.#position(total) : 0;
    this.#block = Buffer.alloc(0);
    this.#total = 0;
    if (total <= kept) return { head: block.subarray(0, total), tail: Buffer.alloc(0), omitted: 0, total };

    const tailBytes = Math.floor(kept / 2);
    const first = block.subarray(0, kept - tailBytes);
    const head = first.subarray(0, first.length - unfinishedBytes(first));
    const inOrder =
      end === 0
        ? block.subarray(0, total)
        : Buffer.concat([block.subarray(end), block.subarray(this.#half, end)]);
    const last = inOrder.subarray(inOrder.length - tailBytes);
    const tail = last.subarray(bytesOfCutCharacter(last));
    return { head, tail, omitted: total - head.length - tail.length, total };
  }

  /** The position of the byte with this number. */
  #position(number: number): number {
    return number < this.#half ? number : this.#half + ((number - this.#half) % this.#half);
  }

  #makeRoom(total: number): void {
    const needed = Math.min(total, 2 * this.#half);
    if (needed <= this.#block.length) return;
    const larger = Buffer.alloc(Math.min(Math.max(needed, 2 * this.#block.length, 4096), 2 * this.#half));
    this.#block.copy(larger);
    this.#block = larger;
  }
}

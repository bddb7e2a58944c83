import { bytesOfCutCharacter, unfinishedBytes } from './whole-characters.ts';

/** What came since the last look, cut to a budget. */
export type OutputCut = {
  /** The beginning; all of it if nothing is omitted. */
  readonly head: Buffer;
  /** The end, after what is omitted. */
  readonly tail: Buffer;
  /** Bytes between head and tail, exactly. */
  readonly omitted: number;
  /** All bytes that came: head, omitted and tail. */
  readonly total: number;
};

/**
 * Keeps the first and the last half of the output that comes between two looks, in a buffer that never grows
 * beyond both, and counts what lies between. Whoever writes never waits for whoever looks.
 *
 * One block: first the head, in its order, behind it the tail, as a ring once it is full.
 */
export class OutputWindow {
  readonly #half: number;
  #block: Buffer = Buffer.alloc(0);
  #total = 0;

  /** @param maxBytes for head and tail together: an odd byte isn't used, and there is at least one for each */
  constructor(maxBytes: number) {
    this.#half = Math.max(1, Math.floor(maxBytes / 2));
  }

  push(bytes: Buffer): void {
    this.#makeRoom(this.#total + bytes.length);
    for (let taken = 0; taken < bytes.length; ) {
      // What would be overwritten within this very piece isn't written at all.
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

  /** Takes out what came, at most `maxBytes` of it; no character is cut in two. */
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

  /** Where the byte with this number lies. */
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

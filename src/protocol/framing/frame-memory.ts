/**
 * Memory for long frames, and for what waits to become one, used again when that is written: fresh memory for each
 * makes a sender of much grow by what the garbage collector has not come to yet.
 */
export class FrameMemory {
  /** What is never given back, as of a connection that broke, is nobody's. */
  readonly #lent = new WeakSet<ArrayBufferLike>();
  #free: ArrayBufferLike[] = [];

  /** Memory for a frame. What is in it is left over from others. */
  take(bytes: number): Buffer {
    if (bytes < SHORT_BYTES || bytes > BLOCK_BYTES) return Buffer.allocUnsafe(bytes);
    const block = this.#free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES).buffer;
    this.#lent.add(block);
    return Buffer.from(block, 0, bytes);
  }

  /** Whether it wants a frame back. */
  owns(frame: Buffer): boolean {
    return this.#lent.has(frame.buffer);
  }

  /** Takes a frame back that nobody looks at any more. */
  giveBack(frame: Buffer): void {
    if (this.#lent.delete(frame.buffer) && this.#free.length < MAX_FREE_BLOCKS) this.#free.push(frame.buffer);
  }
}

// Node keeps small buffers together by itself.
const SHORT_BYTES = 4 * 1024;

// As base64, what is read from a child at once, with what is around it.
const BLOCK_BYTES = 96 * 1024;

const MAX_FREE_BLOCKS = 4;

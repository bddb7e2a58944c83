/**
 * Memory blocks for long frames, used again once a frame is written. With new memory for each frame, a sender of much
 * output grows by what the garbage collector has not reached yet.
 */
export class BufferPool {
  /** Weak, since a block that is never released, as on a connection that broke, must not be kept. */
  readonly #lent = new WeakSet<ArrayBufferLike>();
  readonly #maxFree: number;
  #free: ArrayBufferLike[] = [];

  /** @param maxFree blocks that are kept for later */
  constructor(maxFree = MAX_FREE_BLOCKS) {
    this.#maxFree = maxFree;
  }

  /** Returns a buffer that is not cleared; one of the pool unless it is very short or very long. */
  acquire(bytes: number): Buffer {
    if (bytes < SHORT_BYTES || bytes > BLOCK_BYTES) return Buffer.allocUnsafe(bytes);
    const block = this.#free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES).buffer;
    this.#lent.add(block);
    return Buffer.from(block, 0, bytes);
  }

  /** True for a buffer of the pool that is not released yet. */
  owns(buffer: Buffer): boolean {
    return this.#lent.has(buffer.buffer);
  }

  /** Returns a buffer to the pool; it must not be used any more. Ignores buffers that are not of the pool. */
  release({ buffer: block }: Buffer): void {
    if (this.#lent.delete(block) && this.#free.length < this.#maxFree) this.#free.push(block);
  }
}

// Node pools small buffers itself.
const SHORT_BYTES = 4 * 1024;

/** A chunk of output of the size that is read from a child, as base64 with its message. */
const BLOCK_BYTES = 96 * 1024;

const MAX_FREE_BLOCKS = 4;

import type { OutputStream, StreamBytes } from '../../../protocol/process.ts';
import { Fifo } from '../../../system/fifo.ts';
import { CHUNK_OVERHEAD_BYTES } from '../limits.ts';
import { type Evictable, EvictableMemory } from './evictable-memory.ts';

/** A chunk of output. */
export type Chunk = { readonly stream: OutputStream; readonly bytes: Buffer };

/** A stored chunk and its cost in bytes. */
export type KeptChunk = Chunk & { readonly cost: number };

/**
 * Keeps the head and the tail of output, `maxBytes` together, and counts the bytes dropped between them. The head is
 * passed on as it arrives, the tail at the end. If memory is short, the head ends earlier and the tail begins later.
 */
export class HeadTail implements Evictable {
  #headLeft: number;
  readonly #tailBytes: number;
  readonly #tail = new Fifo<KeptChunk>();
  #held = 0;
  readonly #dropped = { stdout: 0, stderr: 0, pty: 0 };
  readonly #memory: EvictableMemory;

  /** @param memory shared with other processes */
  constructor(maxBytes: number, memory: EvictableMemory = new EvictableMemory()) {
    this.#memory = memory;
    memory.join(this);
    this.#headLeft = Math.ceil(maxBytes / 2);
    this.#tailBytes = maxBytes - this.#headLeft;
  }

  /** Bytes of the tail in memory. */
  get heldBytes(): number {
    return this.#held;
  }

  /**
   * Adds output; returns the part of it that belongs to the head, if any.
   *
   * @param queued true if that part has to wait for the client, which takes memory
   */
  push({ stream, bytes }: Chunk, queued = false): KeptChunk | undefined {
    const head = bytes.subarray(0, this.#headLeft);
    const cost = queued ? costOf(head.length) : 0;
    if (queued && head.length > 0 && !this.#memory.take(cost)) {
      this.#headLeft = 0;
      return this.push({ stream, bytes });
    }
    this.#headLeft -= head.length;
    if (head.length < bytes.length) this.#addToTail(stream, bytes.subarray(head.length));
    return head.length > 0 ? { stream, bytes: head, cost } : undefined;
  }

  /** Releases the memory of a chunk that was sent. */
  release({ cost }: KeptChunk): void {
    this.#memory.release(cost);
  }

  /** The tail, and the bytes dropped before it. */
  finish(): { readonly dropped: StreamBytes | undefined; readonly tail: readonly KeptChunk[] } {
    this.#memory.leave(this);
    const any = Object.values(this.#dropped).some(bytes => bytes > 0);
    return { dropped: any ? { ...this.#dropped } : undefined, tail: [...this.#tail] };
  }

  /** Drops the oldest block of the tail. */
  dropOldest(): void {
    this.#drop(Number.POSITIVE_INFINITY);
  }

  #addToTail(stream: OutputStream, bytes: Buffer): void {
    if (!this.#takeMemory(stream, bytes.length)) {
      // Dropped bytes have to precede the tail, so the tail is dropped, too.
      while (this.#tail.length > 0) this.dropOldest();
      this.#dropped[stream] += bytes.length;
      return;
    }
    this.#held += bytes.length;
    // Short chunks are joined, because each costs overhead, but never to more than one read, which fits any credit
    // window. They are copied, so that none keeps the block in memory that it was read into.
    const { last } = this.#tail;
    if (last !== undefined && merges(last, stream, bytes.length)) {
      const joined = Buffer.concat([last.bytes, bytes]);
      this.#tail.replaceLast({ stream, bytes: joined, cost: last.cost + bytes.length });
    } else {
      this.#tail.push({ stream, bytes: Buffer.from(bytes), cost: costOf(bytes.length) });
    }
    while (this.#held > this.#tailBytes) this.#drop(this.#held - this.#tailBytes);
    if (this.#tail.length > MAX_TAIL_BLOCKS) this.dropOldest();
  }

  /** Takes memory for a chunk. The block that it would be joined with may be dropped to make room. */
  #takeMemory(stream: OutputStream, length: number): boolean {
    const { last } = this.#tail;
    const merging = last !== undefined && merges(last, stream, length);
    if (!this.#memory.take(merging ? length : costOf(length))) return false;
    if (!merging || this.#tail.last === last || this.#memory.take(CHUNK_OVERHEAD_BYTES)) return true;
    this.#memory.release(length);
    return false;
  }

  #drop(excess: number): void {
    const { first: oldest } = this.#tail;
    if (oldest === undefined) return;
    const bytes = Math.min(excess, oldest.bytes.length);
    if (bytes === oldest.bytes.length) {
      this.#tail.take();
      this.#memory.release(oldest.cost);
    } else this.#tail.replaceFirst({ ...oldest, bytes: oldest.bytes.subarray(bytes) });
    this.#held -= bytes;
    this.#dropped[oldest.stream] += bytes;
  }
}

const BLOCK_BYTES = 4096;

// Chunks of alternating streams cannot be joined.
const MAX_TAIL_BLOCKS = 16_384;

const costOf = (length: number): number => length + CHUNK_OVERHEAD_BYTES;

const merges = (last: Chunk, stream: OutputStream, length: number): boolean =>
  last.stream === stream && last.bytes.length + length <= BLOCK_BYTES;

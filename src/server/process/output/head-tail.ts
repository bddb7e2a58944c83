import type { OutputStream, StreamBytes } from '../../../protocol/process.ts';
import { Fifo } from '../../../system/fifo.ts';
import { CHUNK_OVERHEAD_BYTES } from '../limits.ts';
import { type Keeper, KeptOutput } from './kept-output.ts';

/** A piece of output. */
export type Chunk = { readonly stream: OutputStream; readonly bytes: Buffer };

/** One that is kept, and what that costs in bytes. */
export type KeptChunk = Chunk & { readonly cost: number };

/**
 * Keeps the beginning and the end of output, within `maxBytes` together, and counts what is between them.
 * The beginning is handed on as it comes; the end is known at the end. Memory is taken as the output comes. Where there
 * is not enough, the beginning ends earlier and the end begins later.
 */
export class HeadTail implements Keeper {
  #headLeft: number;
  readonly #tailBytes: number;
  readonly #tail = new Fifo<KeptChunk>();
  #held = 0;
  readonly #dropped = { stdout: 0, stderr: 0, pty: 0 };

  readonly #memory: KeptOutput;

  /** @param memory what it shares with other processes */
  constructor(maxBytes: number, memory: KeptOutput = new KeptOutput()) {
    this.#memory = memory;
    memory.join(this);
    this.#headLeft = Math.ceil(maxBytes / 2);
    this.#tailBytes = maxBytes - this.#headLeft;
  }

  /** Bytes of the end that are in memory. */
  get heldBytes(): number {
    return this.#held;
  }

  /**
   * Takes output; returns the part of it that belongs to the beginning, if any.
   *
   * @param waits whether that can't be sent now; then it needs memory
   */
  push({ stream, bytes }: Chunk, waits = false): KeptChunk | undefined {
    const head = bytes.subarray(0, this.#headLeft);
    const cost = waits ? costOf(head.length) : 0;
    if (waits && head.length > 0 && !this.#memory.take(cost)) {
      this.#headLeft = 0;
      return this.push({ stream, bytes });
    }
    this.#headLeft -= head.length;
    if (head.length < bytes.length) this.#hold(stream, bytes.subarray(head.length));
    return head.length > 0 ? { stream, bytes: head, cost } : undefined;
  }

  /** Releases a chunk that was sent. */
  release({ cost }: KeptChunk): void {
    this.#memory.release(cost);
  }

  /** The end of the output, and how much was dropped before it. */
  finish(): { readonly dropped: StreamBytes | undefined; readonly tail: readonly KeptChunk[] } {
    this.#memory.leave(this);
    const any = Object.values(this.#dropped).some(bytes => bytes > 0);
    return { dropped: any ? { ...this.#dropped } : undefined, tail: [...this.#tail] };
  }

  /** Drops the oldest piece of the end. */
  dropOldest(): void {
    this.#drop(Number.POSITIVE_INFINITY);
  }

  #hold(stream: OutputStream, bytes: Buffer): void {
    if (!this.#takeMemory(stream, bytes.length)) {
      // What is dropped comes before what is kept, so nothing is kept.
      while (this.#tail.length > 0) this.dropOldest();
      this.#dropped[stream] += bytes.length;
      return;
    }
    this.#held += bytes.length;
    // One block for many short pieces, each of which would cost more than it holds; never longer than what is
    // read at once, which any credit allows. And always a copy: a short piece must not keep the whole block
    // that it was read into.
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

  /** Takes what a piece costs. To make room for it the block that it would go into may be dropped. */
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

// Pieces of two streams that alternate can't be merged; so many of them are kept at most.
const MAX_TAIL_BLOCKS = 16_384;

const costOf = (length: number): number => length + CHUNK_OVERHEAD_BYTES;

const merges = (last: Chunk, stream: OutputStream, length: number): boolean =>
  last.stream === stream && last.bytes.length + length <= BLOCK_BYTES;

import { Fifo } from '../../protocol/fifo.ts';
import type { OutputStream, StreamBytes } from '../../protocol/process.ts';

/** A piece of output. */
export type Chunk = { readonly stream: OutputStream; readonly bytes: Buffer };

/**
 * Keeps the beginning and the end of output, within `maxBytes` together, and counts what is between them.
 * The beginning is handed on as it comes; the end is known at the end.
 */
export class HeadTail {
  #headLeft: number;
  readonly #tailBytes: number;
  readonly #tail = new Fifo<Chunk>();
  #held = 0;
  readonly #dropped = { stdout: 0, stderr: 0, pty: 0 };

  constructor(maxBytes: number) {
    this.#headLeft = Math.ceil(maxBytes / 2);
    this.#tailBytes = maxBytes - this.#headLeft;
  }

  /** Takes output; returns the part of it that belongs to the beginning, if any. */
  push({ stream, bytes }: Chunk): Chunk | undefined {
    const head = bytes.subarray(0, this.#headLeft);
    this.#headLeft -= head.length;
    if (head.length < bytes.length) this.#hold(stream, bytes.subarray(head.length));
    return head.length > 0 ? { stream, bytes: head } : undefined;
  }

  /** The end of the output, and how much was dropped before it. */
  finish(): { readonly dropped: StreamBytes | undefined; readonly tail: readonly Chunk[] } {
    const any = Object.values(this.#dropped).some(bytes => bytes > 0);
    return { dropped: any ? { ...this.#dropped } : undefined, tail: [...this.#tail] };
  }

  #hold(stream: OutputStream, bytes: Buffer): void {
    this.#held += bytes.length;
    const { last } = this.#tail;
    // One block for many short pieces, each of which would cost more than it holds; never longer than what is
    // read at once, which any credit allows. And always a copy: a short piece must not keep the whole block
    // that it was read into.
    if (last?.stream === stream && last.bytes.length + bytes.length <= BLOCK_BYTES) {
      this.#tail.replaceLast({ stream, bytes: Buffer.concat([last.bytes, bytes]) });
    } else {
      this.#tail.push({ stream, bytes: Buffer.from(bytes) });
    }
    while (this.#held > this.#tailBytes) this.#dropOldest(this.#held - this.#tailBytes);
    if (this.#tail.length > MAX_TAIL_BLOCKS) this.#dropOldest(Number.POSITIVE_INFINITY);
  }

  #dropOldest(excess: number): void {
    const oldest = this.#tail.first as Chunk;
    const bytes = Math.min(excess, oldest.bytes.length);
    if (bytes === oldest.bytes.length) this.#tail.take();
    else this.#tail.replaceFirst({ stream: oldest.stream, bytes: oldest.bytes.subarray(bytes) });
    this.#held -= bytes;
    this.#dropped[oldest.stream] += bytes;
  }
}

const BLOCK_BYTES = 4096;

// Pieces of two streams that alternate can't be merged; so many of them are kept at most.
const MAX_TAIL_BLOCKS = 16_384;

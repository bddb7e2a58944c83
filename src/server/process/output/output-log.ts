import type { OutputStream } from '../../../protocol/process.ts';
import { CHUNK_OVERHEAD_BYTES, MAX_READ_CHUNKS, MAX_RETAINED_CHUNKS } from '../limits.ts';
import { ByteBlocks } from './byte-blocks.ts';
import { type Evictable, EvictableMemory } from './evictable-memory.ts';
import { EvictionRecord } from './eviction-record.ts';
import type { Chunk } from './head-tail.ts';

/** A chunk of output with its number. */
export type LoggedChunk = Chunk & { readonly seq: number };

/** Retained output after a number. */
export type LogSlice = {
  readonly chunks: readonly LoggedChunk[];
  /** True if these are all chunks that are retained after the number. */
  readonly complete: boolean;
  /** Bytes after the number that are no longer retained. */
  readonly droppedBytes: number;
};

/** The latest output of a process, retained for `process/read`: limited in bytes, and to `MAX_RETAINED_CHUNKS` chunks. */
export class OutputLog implements Evictable {
  readonly #maxBytes: number;
  readonly #memory: EvictableMemory;
  readonly #bytes = new ByteBlocks();
  #entries: Entry[] = [];
  #first = 0;
  /** Bytes of the retained chunks. */
  #length = 0;
  readonly #evicted = new EvictionRecord();

  /** @param memory shared with the logs of other processes */
  constructor(maxBytes: number, memory: EvictableMemory = new EvictableMemory()) {
    this.#maxBytes = maxBytes;
    this.#memory = memory;
    memory.join(this);
  }

  /** Cost of the retained chunks, in bytes. */
  get heldBytes(): number {
    return this.#length + this.#count * CHUNK_OVERHEAD_BYTES;
  }

  /** Adds a copy of a chunk; older ones are dropped for it. */
  add({ seq, stream, bytes }: LoggedChunk): void {
    while (this.#count > 0 && !this.#fits(bytes.length)) this.dropOldest();
    const needed = this.#bytes.memoryFor(bytes.length);
    if (!this.#fits(bytes.length) || !this.#memory.take(CHUNK_OVERHEAD_BYTES + needed)) {
      while (this.#count > 0) this.dropOldest();
      this.#evicted.add(seq, bytes.length);
      return;
    }
    this.#entries.push({ seq, stream, start: this.#bytes.end, length: bytes.length });
    // It takes less if the last block was dropped to make room: then a shorter one is added.
    this.#memory.release(needed - this.#bytes.push(bytes));
    this.#length += bytes.length;
    if (this.#first > COMPACT_AT) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }

  /** Drops the oldest chunk. */
  dropOldest(): void {
    const { seq, length, start } = this.#entries[this.#first] as Entry;
    this.#first += 1;
    this.#length -= length;
    this.#evicted.add(seq, length);
    this.#memory.release(CHUNK_OVERHEAD_BYTES + this.#bytes.dropBefore(start + length));
  }

  /** Drops all chunks. */
  close(): void {
    while (this.#count > 0) this.dropOldest();
    this.#memory.release(this.#bytes.clear());
    this.#memory.leave(this);
  }

  /** Upper bound of what `read` returns. */
  sizeAfter(afterSeq: number, maxBytes: number): { readonly bytes: number; readonly chunks: number } {
    const at = this.#firstAfter(afterSeq);
    const from = this.#entries[at];
    if (from === undefined) return { bytes: 0, chunks: 0 };
    return {
      bytes: Math.max(from.length, Math.min(maxBytes, this.#bytes.end - from.start)),
      chunks: Math.min(this.#entries.length - at, maxBytes + 1, MAX_READ_CHUNKS),
    };
  }

  /** The chunks after `afterSeq` that fit in `maxBytes`, at least one. Their bytes are valid until the next change. */
  read(afterSeq: number, maxBytes: number): LogSlice {
    const chunks: LoggedChunk[] = [];
    let bytes = 0;
    let at = this.#firstAfter(afterSeq);
    for (; at < this.#entries.length; at += 1) {
      const entry = this.#entries[at] as Entry;
      bytes += entry.length;
      if (chunks.length > 0 && (bytes > maxBytes || chunks.length === MAX_READ_CHUNKS)) break;
      chunks.push(this.#chunk(entry));
    }
    return {
      chunks,
      complete: at === this.#entries.length,
      droppedBytes: this.#evicted.bytesAfter(afterSeq),
    };
  }

  #chunk({ seq, stream, start, length }: Entry): LoggedChunk {
    return { seq, stream, bytes: this.#bytes.read(start, length) };
  }

  get #count(): number {
    return this.#entries.length - this.#first;
  }

  #fits(bytes: number): boolean {
    return this.#length + bytes <= this.#maxBytes && this.#count < MAX_RETAINED_CHUNKS;
  }

  /** Index of the first chunk after a number, by binary search. */
  #firstAfter(seq: number): number {
    let low = this.#first;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle] as Entry).seq <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

type Entry = {
  readonly seq: number;
  readonly stream: OutputStream;
  readonly start: number;
  readonly length: number;
};

const COMPACT_AT = 1024;

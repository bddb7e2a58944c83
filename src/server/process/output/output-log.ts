import type { OutputStream } from '../../../protocol/process.ts';
import { CHUNK_OVERHEAD_BYTES, MAX_READ_CHUNKS, MAX_RETAINED_CHUNKS } from '../limits.ts';
import { ByteBlocks } from './byte-blocks.ts';
import type { Chunk } from './head-tail.ts';
import { type Keeper, KeptOutput } from './kept-output.ts';

/** A piece of output under its number. */
export type LoggedChunk = Chunk & { readonly seq: number };

/** What is still there after a number. */
export type LogSlice = {
  readonly chunks: readonly LoggedChunk[];
  /** Whether these are all that are retained after that number. */
  readonly complete: boolean;
  /** Bytes after that number which are gone. */
  readonly droppedBytes: number;
};

/**
 * The last output of a process, for reading it again: so many bytes, in no more than `MAX_RETAINED_CHUNKS` chunks.
 */
export class OutputLog implements Keeper {
  readonly #maxBytes: number;
  readonly #memory: KeptOutput;
  readonly #bytes = new ByteBlocks();
  #entries: Entry[] = [];
  #first = 0;
  /** Bytes of the chunks that are retained. */
  #length = 0;
  readonly #evicted = new EvictionRecord();

  /** @param memory what it shares with the logs of other processes */
  constructor(maxBytes: number, memory: KeptOutput = new KeptOutput()) {
    this.#maxBytes = maxBytes;
    this.#memory = memory;
    memory.join(this);
  }

  /** What the retained chunks cost, in bytes. */
  get heldBytes(): number {
    return this.#length + this.#count * CHUNK_OVERHEAD_BYTES;
  }

  /** Keeps a copy of a chunk. */
  add({ seq, stream, bytes }: LoggedChunk): void {
    while (this.#count > 0 && !this.#fits(bytes.length)) this.dropOldest();
    const needed = this.#bytes.needs(bytes.length);
    if (!this.#fits(bytes.length) || !this.#memory.take(CHUNK_OVERHEAD_BYTES + needed)) {
      while (this.#count > 0) this.dropOldest();
      this.#evicted.add(seq, bytes.length);
      return;
    }
    this.#entries.push({ seq, stream, start: this.#bytes.end, length: bytes.length });
    // To make room its own last block may have been dropped, after which a shorter one does.
    this.#memory.release(needed - this.#bytes.push(bytes));
    this.#length += bytes.length;
    if (this.#first > COMPACT_AT) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }

  /** Lets go of the oldest chunk. */
  dropOldest(): void {
    const { seq, length, start } = this.#entries[this.#first] as Entry;
    this.#first += 1;
    this.#length -= length;
    this.#evicted.add(seq, length);
    this.#memory.release(CHUNK_OVERHEAD_BYTES + this.#bytes.dropBefore(start + length));
  }

  /** Lets go of everything. */
  close(): void {
    while (this.#count > 0) this.dropOldest();
    this.#memory.release(this.#bytes.clear());
    this.#memory.leave(this);
  }

  /** The most that `read` gives. */
  sizeAfter(afterSeq: number, maxBytes: number): { readonly bytes: number; readonly chunks: number } {
    const at = this.#firstAfter(afterSeq);
    const from = this.#entries[at];
    if (from === undefined) return { bytes: 0, chunks: 0 };
    return {
      bytes: Math.max(from.length, Math.min(maxBytes, this.#bytes.end - from.start)),
      chunks: Math.min(this.#entries.length - at, maxBytes + 1, MAX_READ_CHUNKS),
    };
  }

  /** The chunks after `afterSeq`, as many as fit into `maxBytes` and at least one. Their bytes are good until more is added. */
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

  /** Numbers rise through the log, so halving finds the place. */
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

/** Evicted bytes, exactly for the newest numbers; older ones are known by their sum only. */
class EvictionRecord {
  // Numbers in two arrays take a quarter of the memory of objects in one.
  readonly #seqs: number[] = [];
  readonly #bytes: number[] = [];
  #older = { seq: 0, bytes: 0 };

  add(seq: number, bytes: number): void {
    this.#seqs.push(seq);
    this.#bytes.push(bytes);
    if (this.#seqs.length < 2 * EXACT_EVICTIONS) return;
    this.#older = {
      seq: this.#seqs[EXACT_EVICTIONS - 1] as number,
      bytes: this.#older.bytes + sum(this.#bytes.splice(0, EXACT_EVICTIONS)),
    };
    this.#seqs.splice(0, EXACT_EVICTIONS);
  }

  bytesAfter(seq: number): number {
    const older = seq < this.#older.seq ? this.#older.bytes : 0;
    return older + sum(this.#bytes.filter((_, at) => (this.#seqs[at] as number) > seq));
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

const EXACT_EVICTIONS = 1024;

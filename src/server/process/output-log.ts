import type { OutputStream } from '../../protocol/process.ts';
import { CHUNK_OVERHEAD_BYTES, MAX_RETAINED_CHUNKS } from '../limits.ts';
import { ByteRing } from './byte-ring.ts';
import type { Chunk } from './head-tail.ts';

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
export class OutputLog {
  readonly #maxBytes: number;
  readonly #bytes = new ByteRing();
  #entries: Entry[] = [];
  #first = 0;
  /** Where the bytes of the next chunk begin, counted from the first byte that ever was in the ring. */
  #end = 0;
  readonly #evicted = new EvictionRecord();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** What the retained chunks cost, in bytes. */
  get heldBytes(): number {
    return this.#bytes.length + this.#count * CHUNK_OVERHEAD_BYTES;
  }

  /** Keeps a copy of a chunk. */
  add({ seq, stream, bytes }: LoggedChunk): void {
    while (this.#count > 0 && !this.#fits(bytes.length)) this.#evict();
    if (!this.#fits(bytes.length)) {
      this.#evicted.add(seq, bytes.length);
      return;
    }
    this.#bytes.push(bytes);
    this.#entries.push({ seq, stream, start: this.#end, length: bytes.length });
    this.#end += bytes.length;
    if (this.#first > COMPACT_AT) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }

  /** The chunks after `afterSeq`, as many as fit into `maxBytes` and at least one. */
  read(afterSeq: number, maxBytes: number): LogSlice {
    const chunks: LoggedChunk[] = [];
    let bytes = 0;
    let at = this.#firstAfter(afterSeq);
    for (; at < this.#entries.length; at += 1) {
      const entry = this.#entries[at] as Entry;
      bytes += entry.length;
      if (chunks.length > 0 && bytes > maxBytes) break;
      chunks.push(this.#chunk(entry));
    }
    return {
      chunks,
      complete: at === this.#entries.length,
      droppedBytes: this.#evicted.bytesAfter(afterSeq),
    };
  }

  #chunk({ seq, stream, start, length }: Entry): LoggedChunk {
    const oldest = this.#end - this.#bytes.length;
    return { seq, stream, bytes: this.#bytes.copy(start - oldest, length) };
  }

  get #count(): number {
    return this.#entries.length - this.#first;
  }

  #fits(bytes: number): boolean {
    return this.#bytes.length + bytes <= this.#maxBytes && this.#count < MAX_RETAINED_CHUNKS;
  }

  #evict(): void {
    const { seq, length } = this.#entries[this.#first] as Entry;
    this.#first += 1;
    this.#bytes.drop(length);
    this.#evicted.add(seq, length);
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

/** What was evicted, exactly for the newest numbers; older ones are known by their sum only. */
class EvictionRecord {
  #recent: Array<{ readonly seq: number; readonly bytes: number }> = [];
  #older = { seq: 0, bytes: 0 };

  add(seq: number, bytes: number): void {
    this.#recent.push({ seq, bytes });
    if (this.#recent.length < 2 * EXACT_EVICTIONS) return;
    const merged = this.#recent.splice(0, EXACT_EVICTIONS);
    this.#older = {
      seq: merged.at(-1)?.seq ?? 0,
      bytes: merged.reduce((sum, { bytes }) => sum + bytes, this.#older.bytes),
    };
  }

  bytesAfter(seq: number): number {
    const older = seq < this.#older.seq ? this.#older.bytes : 0;
    return this.#recent.reduce((sum, evicted) => (evicted.seq > seq ? sum + evicted.bytes : sum), older);
  }
}

const EXACT_EVICTIONS = 1024;

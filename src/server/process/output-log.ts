import { CHUNK_OVERHEAD_BYTES } from '../limits.ts';
import type { Chunk } from './head-tail.ts';

/** A piece of output under its number. */
export type LoggedChunk = Chunk & { readonly seq: number };

/** What is still there after a number. */
export type LogSlice = {
  readonly chunks: readonly LoggedChunk[];
  /** Bytes after that number which are gone. */
  readonly droppedBytes: number;
};

/**
 * The last output of a process, for reading it again. A chunk counts with a fixed overhead, so that many
 * tiny ones take no more memory than few big ones.
 */
export class OutputLog {
  readonly #maxBytes: number;
  #chunks: LoggedChunk[] = [];
  #first = 0;
  #held = 0;
  readonly #evicted = new EvictionRecord();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** What the retained chunks cost, in bytes. */
  get heldBytes(): number {
    return this.#held;
  }

  add(chunk: LoggedChunk): void {
    this.#chunks.push(chunk);
    this.#held += cost(chunk);
    while (this.#held > this.#maxBytes && this.#first < this.#chunks.length) this.#evict();
    if (this.#first > COMPACT_AT) {
      this.#chunks = this.#chunks.slice(this.#first);
      this.#first = 0;
    }
  }

  /** The chunks after `afterSeq`, as many as fit into `maxBytes` and at least one. */
  read(afterSeq: number, maxBytes: number): LogSlice {
    const chunks: LoggedChunk[] = [];
    let bytes = 0;
    for (let at = this.#firstAfter(afterSeq); at < this.#chunks.length; at += 1) {
      const chunk = this.#chunks[at] as LoggedChunk;
      bytes += chunk.bytes.length;
      if (chunks.length > 0 && bytes > maxBytes) break;
      chunks.push(chunk);
    }
    return { chunks, droppedBytes: this.#evicted.bytesAfter(afterSeq) };
  }

  #evict(): void {
    const chunk = this.#chunks[this.#first] as LoggedChunk;
    this.#first += 1;
    this.#held -= cost(chunk);
    this.#evicted.add(chunk.seq, chunk.bytes.length);
  }

  /** Numbers rise through the log, so halving finds the place. */
  #firstAfter(seq: number): number {
    let low = this.#first;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#chunks[middle] as LoggedChunk).seq <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const COMPACT_AT = 1024;
const cost = ({ bytes }: LoggedChunk): number => bytes.length + CHUNK_OVERHEAD_BYTES;

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

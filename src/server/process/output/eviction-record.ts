/** Record of dropped chunks: exact for the newest numbers, only a sum for the older ones. */
export class EvictionRecord {
  // Two arrays of numbers take a quarter of the memory of one array of objects.
  readonly #seqs: number[] = [];
  readonly #bytes: number[] = [];
  #older = { seq: 0, bytes: 0 };

  add(seq: number, bytes: number): void {
    this.#seqs.push(seq);
    this.#bytes.push(bytes);
    if (this.#seqs.length < 2 * EXACT_EVICTIONS) return;
    this.#older = {
      seq: this.#seqs[EXACT_EVICTIONS - 1] ?? 0,
      bytes: this.#older.bytes + sum(this.#bytes.splice(0, EXACT_EVICTIONS)),
    };
    this.#seqs.splice(0, EXACT_EVICTIONS);
  }

  /** Bytes dropped after a number. */
  bytesAfter(seq: number): number {
    const older = seq < this.#older.seq ? this.#older.bytes : 0;
    return older + sum(this.#bytes.filter((_, index) => (this.#seqs[index] ?? 0) > seq));
  }
}

const EXACT_EVICTIONS = 1024;

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

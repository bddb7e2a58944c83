/** A queue in which taking the first one costs the same however many follow; an array's `shift` moves them all. */
export class Fifo<Item> {
  #items: Item[] = [];
  #first = 0;

  get length(): number {
    return this.#items.length - this.#first;
  }

  /** The one that is taken next. */
  get first(): Item | undefined {
    return this.#items[this.#first];
  }

  /** The one that was added last. */
  get last(): Item | undefined {
    return this.length === 0 ? undefined : this.#items.at(-1);
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  take(): Item | undefined {
    const item = this.first;
    if (this.length === 0) return undefined;
    this.#items[this.#first] = undefined as Item;
    this.#first += 1;
    if (this.#first === this.#items.length || this.#first > COMPACT_AT) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }

  /** Puts another one in the place of the first. */
  replaceFirst(item: Item): void {
    if (this.length > 0) this.#items[this.#first] = item;
  }

  /** Puts another one in the place of the last. */
  replaceLast(item: Item): void {
    if (this.length > 0) this.#items[this.#items.length - 1] = item;
  }

  *[Symbol.iterator](): Generator<Item> {
    for (let at = this.#first; at < this.#items.length; at += 1) yield this.#items[at] as Item;
  }
}

/** So many taken ones are kept before the rest is moved, which makes a move rare for long queues. */
const COMPACT_AT = 4096;

/**
 * Fair queue: dequeues the item that has been charged least so far; the cost is only known after serving. An item that
 * returns after a pause is a head start ahead of those served now, however long the pause was. (Start-time fair
 * queueing: Goyal, Vin, Cheng, 1996.)
 */
export class FairQueue<Item extends object> {
  /** Waiting items, with the virtual time at which each is due. */
  readonly #due = new Map<Item, number>();
  /** Virtual time of each item after its last charge. */
  readonly #charged = new WeakMap<Item, number>();
  /** Virtual time: what the items served now have been charged. */
  #now = 0;
  readonly #headStart: number;

  /** @param headStart charge by which an item that returns after a pause is ahead of the others */
  constructor(headStart: number) {
    this.#headStart = headStart;
  }

  get size(): number {
    return this.#due.size;
  }

  /** Adds an item; does nothing if it is in the queue already. */
  add(item: Item): void {
    if (this.#due.has(item)) return;
    const earliest = this.#now - this.#headStart;
    this.#due.set(item, Math.max(earliest, this.#charged.get(item) ?? earliest));
  }

  /** Removes and returns the next item; of equal ones the first that was added. */
  take(): Item | undefined {
    let next: Item | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const [item, due] of this.#due) {
      if (due < least) [next, least] = [item, due];
    }
    if (next === undefined) return undefined;
    this.#due.delete(next);
    this.#now = Math.max(this.#now, least);
    this.#charged.set(next, least);
    return next;
  }

  /** Adds the cost of serving an item. */
  charge(item: Item, amount: number): void {
    this.#charged.set(item, (this.#charged.get(item) ?? this.#now) + amount);
  }
}

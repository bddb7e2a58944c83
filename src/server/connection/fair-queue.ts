/**
 * Who of several is next, where it shows only afterwards how much each has taken: the one that has had least. One that
 * comes back after a rest has a head start on those that are served then, and has nothing more saved up, however long
 * it rested. (Start-time fair queueing: Goyal, Vin, Cheng, 1996.)
 */
export class FairQueue<Item extends object> {
  /** Who waits, and how much it has had when its turn begins. */
  readonly #starts = new Map<Item, number>();
  readonly #ends = new WeakMap<Item, number>();
  /** How much those that are served now have had. */
  #now = 0;
  readonly #headStart: number;

  /** @param headStart how much one that has rested may have before it is level with the others */
  constructor(headStart: number) {
    this.#headStart = headStart;
  }

  get size(): number {
    return this.#starts.size;
  }

  /** Adds one that waits; nothing happens if it does already. */
  add(item: Item): void {
    if (this.#starts.has(item)) return;
    const rested = this.#now - this.#headStart;
    this.#starts.set(item, Math.max(rested, this.#ends.get(item) ?? rested));
  }

  /** Takes out the next one; among equals the one that came first. */
  take(): Item | undefined {
    let next: Item | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const [item, start] of this.#starts) {
      if (start < least) [next, least] = [item, start];
    }
    if (next === undefined) return undefined;
    this.#starts.delete(next);
    this.#now = Math.max(this.#now, least);
    this.#ends.set(next, least);
    return next;
  }

  /** Notes how much it took in its turn. */
  charge(item: Item, amount: number): void {
    this.#ends.set(item, (this.#ends.get(item) ?? this.#now) + amount);
  }
}

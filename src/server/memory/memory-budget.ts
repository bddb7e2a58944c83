/** Uses of the memory of a connection, and the part of the budget that each may take. */
const SHARES = {
  /** Requests that are not answered yet, each with a fixed cost. */
  requests: 1 / 8,
  /** Long frames, from their parsing to the answer. */
  frames: 1 / 3,
  /**
   * Answers, from the moment that they are made until the client has read them. So little that what is queued of them
   * stops no request from being read; a longer one has it for itself.
   */
  answers: 1 / 16,
  /** Input that processes have not read yet. */
  stdin: 1 / 3,
  /** Long requests that are not answered yet, such as files that are being written. */
  uploads: 1 / 2,
  /** Answers that are not whole yet: bodies of HTTP responses, listings, those of a batch. */
  parts: 1 / 6,
  /** Output kept for `process/read`. */
  retained: 1 / 6,
  /** Heads and tails of output, with `output: "headTail"`. */
  headTail: 1 / 6,
  /** Lossless output that was read and waits for the client. */
  pending: 1 / 12,
} as const;

export type ShareName = keyof typeof SHARES;

/** Memory of a connection that is used, and its limit. */
export type MemoryUse = { readonly usedBytes: number; readonly limitBytes: number };

/**
 * The memory of one connection. All that it holds draws on one number of bytes, through shares, of which each has
 * a bound of its own: so no kind of use can take everything from the others. Additions and nothing else, since it
 * lies on the hottest paths.
 */
export class MemoryBudget {
  readonly limitBytes: number;
  readonly #shares: Readonly<Record<ShareName, MemoryShare>>;
  readonly #listeners: Array<() => void> = [];
  readonly #caches: Array<(bytes: number) => void> = [];
  readonly #collector: Collector | undefined;
  #used = 0;

  /** @param collector collects what was given back and still takes memory; without it V8 decides alone */
  constructor(limitBytes: number, collector?: Collector) {
    this.limitBytes = limitBytes;
    this.#collector = collector;
    const share = ([name, part]: [string, number]) =>
      [name, new MemoryShare(this, Math.floor(limitBytes * part))] as const;
    this.#shares = Object.fromEntries(Object.entries(SHARES).map(share)) as Record<ShareName, MemoryShare>;
  }

  share(name: ShareName): MemoryShare {
    return this.#shares[name];
  }

  get use(): MemoryUse {
    return { usedBytes: Math.ceil(this.#used), limitBytes: this.limitBytes };
  }

  /** Calls back whenever something of a share was given back on which others wait. */
  onReleased(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Registers a cache: `free` lets go of so many bytes, as far as it can, when memory is short. */
  onShort(free: (bytes: number) => void): void {
    this.#caches.push(free);
  }

  /** Notes memory that is garbage now and was never counted, such as the objects of a process. */
  discarded(bytes: number): void {
    this.#collector?.released(bytes, this.limitBytes - this.#used);
  }

  /** Checks that there is room for more. Makes some if it has to. */
  hasRoom(bytes: number): boolean {
    const missing = this.#used + bytes - this.limitBytes;
    if (missing > 0) for (const free of this.#caches) free(missing);
    if (this.#used + bytes > this.limitBytes) return false;
    this.#collector?.makeRoom(this.limitBytes - this.#used - bytes);
    return true;
  }

  /** For shares: counts. */
  taken(bytes: number): void {
    this.#used += bytes;
  }

  /** For shares: counts, and wakes those that wait. */
  released(bytes: number): void {
    this.#used -= bytes;
    this.#collector?.released(bytes, this.limitBytes - this.#used);
    for (const listener of this.#listeners) listener();
  }
}

/** Part of a budget, for one kind of use. */
export class MemoryShare {
  readonly maxBytes: number;
  readonly #budget: MemoryBudget;
  #used = 0;

  constructor(budget: MemoryBudget, maxBytes: number) {
    this.#budget = budget;
    this.maxBytes = maxBytes;
  }

  get usedBytes(): number {
    return this.#used;
  }

  /** Checks that so many bytes may be taken, next to `others` that count in this share, too. */
  fits(bytes: number, others = 0): boolean {
    return this.#used + others + bytes <= this.maxBytes && this.#budget.hasRoom(bytes);
  }

  /** Takes memory if there is room for it. */
  tryTake(bytes: number): boolean {
    if (!this.fits(bytes)) return false;
    this.take(bytes);
    return true;
  }

  /** Takes memory if there is room, or if nothing else of this kind is held: one thing can always be done. */
  tryTakeOrAlone(bytes: number): boolean {
    if (this.#used > 0) return this.tryTake(bytes);
    // In the attempt to fit it, others may make room.
    this.fits(bytes);
    this.take(bytes);
    return true;
  }

  /** Takes memory, room or not. */
  take(bytes: number): void {
    this.#used += bytes;
    this.#budget.taken(bytes);
  }

  release(bytes: number): void {
    this.#used -= bytes;
    this.#budget.released(bytes);
  }
}

/** Collects garbage when that is worth it. */
export type Collector = {
  /** So many bytes were given back, and may take memory still; so much is left of the budget. */
  released(bytes: number, leftBytes: number): void;
  /** So much is left of the budget; garbage must not take more than that. */
  makeRoom(leftBytes: number): void;
};

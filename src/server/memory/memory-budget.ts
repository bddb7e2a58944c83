/** Uses of the memory of a connection, and the part of the budget that each may take. */
const SHARES = {
  /** Requests that are not answered yet, each with a fixed cost. */
  requests: 1 / 8,
  /** Long frames, from their parsing to the answer. */
  frames: 1 / 3,
  /**
   * Answers, from their creation until the client has read them. So small that queued answers do not stop the reading
   * of requests; a longer answer has the share for itself.
   */
  answers: 1 / 16,
  /** Input that processes have not read yet. */
  stdin: 1 / 3,
  /** Long requests that are not answered yet, such as files that are being written. */
  uploads: 1 / 2,
  /** Incomplete answers: bodies of HTTP responses, listings, the answers of a batch. */
  parts: 1 / 6,
  /** Output retained for `process/read`. */
  retained: 1 / 6,
  /** Heads and tails of output, with `output: "headTail"`. */
  headTail: 1 / 6,
  /** Lossless output that waits for the client. */
  pending: 1 / 12,
  /** Bytes for the client that are kept to be sent again, of a session that outlives its connection. */
  replay: 1 / 16,
} as const;

export type ShareName = keyof typeof SHARES;

/** Memory of a connection that is used, and its limit. */
export type MemoryUse = { readonly usedBytes: number; readonly limitBytes: number };

/**
 * Memory budget of one session. All uses draw on one number of bytes through shares, each with its own limit, so that no
 * kind of use can starve the others. It only adds numbers, since it is on the hottest paths.
 */
export class MemoryBudget {
  readonly limitBytes: number;
  readonly #shares: Readonly<Record<ShareName, MemoryShare>>;
  readonly #listeners: Array<() => void> = [];
  readonly #caches: Array<(bytes: number) => void> = [];
  readonly #collector: Collector | undefined;
  #used = 0;

  /** @param collector collects released memory; without it V8 alone decides when */
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

  /** Calls the listener after each release. */
  onReleased(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Registers a cache, whose `free` drops up to the given bytes when memory is short. */
  onShort(free: (bytes: number) => void): void {
    this.#caches.push(free);
  }

  /** Reports garbage that was never counted, such as the objects of a process. */
  discarded(bytes: number): void {
    this.#collector?.released(bytes, this.limitBytes - this.#used);
  }

  /** Returns true if there is memory for more, after freeing caches and garbage if needed. */
  hasRoom(bytes: number): boolean {
    const missing = this.#used + bytes - this.limitBytes;
    if (missing > 0) for (const free of this.#caches) free(missing);
    if (this.#used + bytes > this.limitBytes) return false;
    this.#collector?.makeRoom(this.limitBytes - this.#used - bytes);
    return true;
  }

  /** Counts memory; called by shares. */
  taken(bytes: number): void {
    this.#used += bytes;
  }

  /** Counts released memory and calls the listeners; called by shares. */
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

  /** Returns true if there is memory for `bytes` in addition to `others`, which count in this share, too. */
  fits(bytes: number, others = 0): boolean {
    return this.#used + others + bytes <= this.maxBytes && this.#budget.hasRoom(bytes);
  }

  /** Takes memory if it is available. */
  tryTake(bytes: number): boolean {
    if (!this.fits(bytes)) return false;
    this.take(bytes);
    return true;
  }

  /** Takes memory if it is available or the share is empty, so that one item of any size can always be processed. */
  tryTakeOrAlone(bytes: number): boolean {
    if (this.#used > 0) return this.tryTake(bytes);
    // The check may free caches and garbage.
    this.fits(bytes);
    this.take(bytes);
    return true;
  }

  /** Takes memory, available or not. */
  take(bytes: number): void {
    this.#used += bytes;
    this.#budget.taken(bytes);
  }

  release(bytes: number): void {
    this.#used -= bytes;
    this.#budget.released(bytes);
  }
}

/** Decides when to collect garbage. */
export type Collector = {
  /** Reports released bytes, which are garbage until they are collected, and the rest of the budget. */
  released(bytes: number, leftBytes: number): void;
  /** Collects if garbage exceeds the rest of the budget. */
  makeRoom(leftBytes: number): void;
};

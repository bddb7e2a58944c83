import type { MemoryShare } from '../../memory/memory-budget.ts';

/** A store of output that can drop its oldest. */
export type Evictable = {
  /** Output that it holds and could drop, in bytes. */
  readonly heldBytes: number;
  /** Drops its oldest output, if it holds any, and releases the memory of that. */
  dropOldest(): void;
};

/**
 * Memory in which the processes of a connection store output. If there is no room, the process that holds the most drops
 * its oldest output, so one that holds little keeps it.
 */
export class EvictableMemory {
  readonly #share: MemoryShare | undefined;
  readonly #users = new Set<Evictable>();
  /** Frees something less valuable than the output of the users; returns false if there is nothing. */
  #dropFirst: () => boolean = () => false;

  /** @param share unlimited without it */
  constructor(share?: MemoryShare) {
    this.#share = share;
  }

  /** Sets what is dropped before the users have to drop output. */
  preferToDrop(drop: () => boolean): void {
    this.#dropFirst = drop;
  }

  join(user: Evictable): void {
    this.#users.add(user);
  }

  leave(user: Evictable): void {
    this.#users.delete(user);
  }

  /** Takes memory, and makes the users drop output for it; returns false if there is still not enough. */
  take(bytes: number): boolean {
    if (this.#share === undefined || this.#share.tryTake(bytes)) return true;
    while (this.#drop()) if (this.#share.tryTake(bytes)) return true;
    return false;
  }

  release(bytes: number): void {
    this.#share?.release(bytes);
  }

  /** Drops as many bytes, or everything if there are fewer. */
  free(bytes: number): void {
    const goal = (this.#share?.usedBytes ?? 0) - bytes;
    while ((this.#share?.usedBytes ?? 0) > goal && this.#drop());
  }

  #drop(): boolean {
    if (this.#dropFirst()) return true;
    let largest: Evictable | undefined;
    for (const user of this.#users) {
      if (user.heldBytes > (largest?.heldBytes ?? 0)) largest = user;
    }
    largest?.dropOldest();
    return largest !== undefined;
  }
}

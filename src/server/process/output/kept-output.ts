import type { MemoryShare } from '../../memory/memory-budget.ts';

/** Something that keeps output, and can let go of its oldest. */
export type Keeper = {
  /** Bytes that it keeps and could let go of. */
  readonly heldBytes: number;
  /** Lets go of its oldest output, if it keeps any, and releases that. */
  dropOldest(): void;
};

/**
 * The memory in which the processes of a connection keep output. When there is no room, the one that keeps the most
 * lets go of its oldest: so one that keeps little is not the victim of one that keeps much.
 */
export class KeptOutput {
  readonly #share: MemoryShare | undefined;
  readonly #keepers = new Set<Keeper>();
  /** Lets go of something that is worth less than what the keepers have; `false` if there is nothing. */
  #dropLesser: () => boolean = () => false;

  /** @param share without it there is no bound */
  constructor(share?: MemoryShare) {
    this.#share = share;
  }

  /** Names something that is let go of before the keepers have to. */
  preferToDrop(drop: () => boolean): void {
    this.#dropLesser = drop;
  }

  join(keeper: Keeper): void {
    this.#keepers.add(keeper);
  }

  leave(keeper: Keeper): void {
    this.#keepers.delete(keeper);
  }

  /** Takes memory, and has others let go of output for it; `false` if that doesn't help. */
  take(bytes: number): boolean {
    if (this.#share === undefined || this.#share.tryTake(bytes)) return true;
    while (this.#drop()) if (this.#share.tryTake(bytes)) return true;
    return false;
  }

  release(bytes: number): void {
    this.#share?.release(bytes);
  }

  /** Lets go of so many bytes, as far as there are so many. */
  free(bytes: number): void {
    const goal = (this.#share?.usedBytes ?? 0) - bytes;
    while ((this.#share?.usedBytes ?? 0) > goal && this.#drop());
  }

  #drop(): boolean {
    if (this.#dropLesser()) return true;
    let largest: Keeper | undefined;
    for (const keeper of this.#keepers) {
      if (keeper.heldBytes > (largest?.heldBytes ?? 0)) largest = keeper;
    }
    largest?.dropOldest();
    return largest !== undefined;
  }
}

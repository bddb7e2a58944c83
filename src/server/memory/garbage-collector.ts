import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { GARBAGE_IDLE_MS, IDLE_GARBAGE_BYTES, MIN_GARBAGE_BYTES } from './limits.ts';
import type { Collector } from './memory-budget.ts';

/**
 * Collects garbage where V8 alone would let it grow: it goes by what its heap may be, hundreds of megabytes, and in
 * an idle process it does nothing. A collection takes some milliseconds.
 *
 * - Before new memory is taken, if garbage would make it more than the budget.
 * - Once when the server has been idle for some seconds after much was given back.
 */
export class GarbageCollector implements Collector {
  readonly #collect: () => void;
  readonly #idleMs: number;
  /** Given back since the last collection. */
  #garbage = 0;
  /** Whether something happened since the timer was set. */
  #active = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(collect: () => void = collectNow, idleMs = GARBAGE_IDLE_MS) {
    this.#collect = collect;
    this.#idleMs = idleMs;
  }

  released(bytes: number): void {
    this.#garbage += bytes;
    this.#active = true;
    if (this.#garbage > IDLE_GARBAGE_BYTES && this.#timer === undefined) this.#setTimer();
  }

  makeRoom(leftBytes: number): void {
    if (this.#garbage > MIN_GARBAGE_BYTES && this.#garbage > leftBytes) this.#run();
  }

  #setTimer(): void {
    this.#active = false;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#active) this.#setTimer();
      else this.#run();
    }, this.#idleMs).unref();
  }

  #run(): void {
    this.#garbage = 0;
    this.#collect();
  }
}

let collectAll: (() => void) | undefined;

/** V8 hands out its collector only where it is asked to by a flag. */
const collectNow = (): void => {
  if (collectAll === undefined) {
    setFlagsFromString('--expose-gc');
    collectAll = runInNewContext('gc') as () => void;
  }
  collectAll();
};

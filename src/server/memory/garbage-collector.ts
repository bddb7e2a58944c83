import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { GARBAGE_IDLE_MS, IDLE_GARBAGE_BYTES, MIN_GARBAGE_BYTES } from './limits.ts';
import type { Collector } from './memory-budget.ts';

/**
 * Collects garbage that V8 alone would let grow: V8 goes by its heap limit of hundreds of megabytes, and does nothing in
 * an idle process. A collection takes some milliseconds.
 *
 * - When what was given back would be more than what is left of the budget, in the next turn of the event loop: then it
 *   is garbage; or before new memory is taken that garbage would make more than the budget.
 * - Once when the server has been idle for some seconds after much was given back.
 */
export class GarbageCollector implements Collector {
  readonly #collect: () => void;
  readonly #idleMs: number;
  /** Bytes released since the last collection. */
  #garbage = 0;
  /** Set when something was released after the timer was started. */
  #active = false;
  #timer: NodeJS.Timeout | undefined;
  #next: NodeJS.Immediate | undefined;

  constructor(collect: () => void = collectNow, idleMs = GARBAGE_IDLE_MS) {
    this.#collect = collect;
    this.#idleMs = idleMs;
  }

  released(bytes: number, leftBytes: number): void {
    this.#garbage += bytes;
    if (this.#isDue(leftBytes)) this.#next ??= setImmediate(() => this.#run());
    this.#active = true;
    if (this.#garbage > IDLE_GARBAGE_BYTES && this.#timer === undefined) this.#setTimer();
  }

  makeRoom(leftBytes: number): void {
    if (this.#isDue(leftBytes)) this.#run();
  }

  #isDue(leftBytes: number): boolean {
    return this.#garbage > MIN_GARBAGE_BYTES && this.#garbage > leftBytes;
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
    clearImmediate(this.#next);
    this.#next = undefined;
    this.#garbage = 0;
    this.#collect();
  }
}

let collectAll: (() => void) | undefined;

/** V8 exposes its collector only with a flag. */
const collectNow = (): void => {
  if (collectAll === undefined) {
    setFlagsFromString('--expose-gc');
    collectAll = runInNewContext('gc') as () => void;
  }
  collectAll();
};

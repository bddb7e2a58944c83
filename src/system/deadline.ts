import { setTimeout as delay } from 'node:timers/promises';

/** A point in time by the monotonic clock, which changes of the date do not affect. */
export type Deadline = {
  /** Milliseconds left, 0 once it has passed. */
  readonly remainingMs: number;
  readonly passed: boolean;
};

/** Returns the point in time `ms` milliseconds from now. */
export const deadline = (ms: number): Deadline => {
  const end = performance.now() + ms;
  return {
    get remainingMs() {
      return Math.max(0, end - performance.now());
    },
    get passed() {
      return performance.now() >= end;
    },
  };
};

/** A pending callback. */
export type Timer = {
  /** Cancels the callback. Idempotent. */
  cancel(): void;
};

/**
 * Calls back when `ms` milliseconds have passed and the events of that time were handled: after a stall, Node runs timers
 * before pending I/O, so an answer that arrived in time would count as late. Unlike with `setTimeout`, the wait may be of
 * any length.
 */
export const startTimer = (ms: number, act: () => void): Timer => {
  let timeout: NodeJS.Timeout;
  let turn: NodeJS.Immediate | undefined;
  const wait = (leftMs: number): void => {
    const nextMs = Math.min(leftMs, MAX_TIMEOUT_MS);
    timeout = setTimeout(() => (leftMs > nextMs ? wait(leftMs - nextMs) : take(TURNS_TO_DRAIN)), nextMs);
  };
  const take = (turns: number): void => {
    if (turns === 0) act();
    else turn = setImmediate(take, turns - 1);
  };
  wait(ms);
  return {
    cancel: () => {
      clearTimeout(timeout);
      clearImmediate(turn);
    },
  };
};

/** The way a wait ended. */
export type WaitEnd = 'settled' | 'late' | 'aborted';

/** Waits until a promise has settled, with a value or an error, but no longer than `ms` and not after an abort. */
export const settledWithin = (
  promise: Promise<unknown>,
  ms: number,
  signal?: AbortSignal,
): Promise<WaitEnd> =>
  new Promise(resolve => {
    const end = (how: WaitEnd) => {
      timer.cancel();
      signal?.removeEventListener('abort', aborted);
      resolve(how);
    };
    const settled = () => end('settled');
    const aborted = () => end('aborted');
    const timer = startTimer(ms, () => end('late'));
    promise.then(settled, settled);
    if (signal?.aborted) aborted();
    else signal?.addEventListener('abort', aborted, { once: true });
  });

/**
 * Polls until a condition holds, for at most `ms`; it is checked once more after that.
 *
 * @returns true if it held
 */
export const pollUntil = async (
  holds: () => boolean | Promise<boolean>,
  ms: number,
  everyMs: number,
): Promise<boolean> => {
  for (const end = deadline(ms); !(await holds()); await delay(everyMs)) {
    if (end.passed) return false;
  }
  return true;
};

/** The longest delay of `setTimeout`; with a longer one it calls back immediately. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** The last output of a child, its exit, the ends of its streams and their close may take one turn each. */
const TURNS_TO_DRAIN = 8;

import { setTimeout as delay } from 'node:timers/promises';

/** Point in time by the monotonic clock, which goes on steadily however the date is set. */
export type Deadline = {
  /** Milliseconds left, 0 once it has passed. */
  readonly remainingMs: number;
  readonly passed: boolean;
};

/** The point in time so many milliseconds from now. */
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

/** Callback that is yet to come. */
export type Timer = {
  /** Keeps it from coming. Idempotent. */
  cancel(): void;
};

/**
 * Calls back when so many milliseconds have passed and the events of that time were handled: after a stall of the
 * process, Node runs timers before the I/O that was waiting, so an answer in time would count as late. Any number of
 * milliseconds is a wait that long, unlike with `setTimeout`.
 */
export const startTimer = (ms: number, act: () => void): Timer => {
  let timeout: NodeJS.Timeout;
  let turn: NodeJS.Immediate | undefined;
  const wait = (leftMs: number): void => {
    const nextMs = Math.min(leftMs, MAX_TIMEOUT_MS);
    timeout = setTimeout(() => (leftMs > nextMs ? wait(leftMs - nextMs) : take(TURNS_TO_HEAR)), nextMs);
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

/** How a wait ended. */
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
 * @returns whether it held
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

/** The longest that `setTimeout` waits; with more it calls back immediately. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** The last output of a child, its end, those of its streams and their close may each take one. */
const TURNS_TO_HEAR = 8;

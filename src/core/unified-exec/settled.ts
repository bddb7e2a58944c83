import { MAX_TIMER_MS } from './limits.ts';

/** How a wait ended. */
export type WaitEnd = 'settled' | 'late' | 'aborted';

/** Waits until a promise has settled, however, but no longer than `ms` and not after an abort. */
export const settledWithin = (
  promise: Promise<unknown>,
  ms: number,
  signal?: AbortSignal,
): Promise<WaitEnd> =>
  new Promise(resolve => {
    const end = (how: WaitEnd) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
      resolve(how);
    };
    const settled = () => end('settled');
    const aborted = () => end('aborted');
    const timer = setTimeout(() => end('late'), Math.min(ms, MAX_TIMER_MS));
    promise.then(settled, settled);
    if (signal?.aborted) aborted();
    else signal?.addEventListener('abort', aborted, { once: true });
  });

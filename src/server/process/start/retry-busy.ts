import { setTimeout as sleep } from 'node:timers/promises';
import { ExecServerError } from '../../../protocol/errors.ts';
import { BUSY_RETRIES } from '../limits.ts';

/**
 * Starts a process, and repeats a start that fails with ETXTBSY: a file that was just written counts as open for writing
 * until every child has run its program that was forked in the meantime, by this process or by another one.
 *
 * @param start has its effect before the first `await` of the caller
 * @param wait rejects if the start is cancelled
 */
export const retryBusy = async <Started>(
  start: () => Started | Promise<Started>,
  wait: <Value>(promise: Promise<Value>) => Promise<Value>,
): Promise<Started> => {
  for (let retry = 0; ; retry += 1) {
    try {
      return await start();
    } catch (error) {
      if (retry === BUSY_RETRIES || !isBusy(error)) throw error;
    }
    await wait(sleep(2 ** retry));
  }
};

const isBusy = (error: unknown): boolean =>
  error instanceof ExecServerError && error.data.errno === 'ETXTBSY';

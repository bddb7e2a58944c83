import { setTimeout as delay } from 'node:timers/promises';

/**
 * Polls until a condition holds that no event announces; rejects after a minute.
 *
 * @param failure the reason in that rejection
 */
export const until = async (
  holds: () => boolean | Promise<boolean>,
  failure: string | (() => string),
): Promise<void> => {
  for (const deadline = performance.now() + TIMEOUT_MS; !(await holds()); await delay(POLL_MS)) {
    if (performance.now() < deadline) continue;
    const reason = typeof failure === 'string' ? failure : failure();
    throw new Error(`after ${TIMEOUT_MS} ms: ${reason}`);
  }
};

/** Longer than a loaded machine takes for anything, shorter than the timeout of a test. */
const TIMEOUT_MS = 60_000;
const POLL_MS = 5;

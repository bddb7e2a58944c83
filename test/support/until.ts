import { setTimeout as delay } from 'node:timers/promises';

/**
 * Polls until something holds that no event tells of; gives up only where it never will.
 *
 * @param otherwise what is the matter then
 */
export const until = async (holds: () => boolean, otherwise: string | (() => string)): Promise<void> => {
  for (const deadline = performance.now() + PATIENCE_MS; !holds(); await delay(POLL_MS)) {
    if (performance.now() < deadline) continue;
    const matter = typeof otherwise === 'string' ? otherwise : otherwise();
    throw new Error(`after ${PATIENCE_MS} ms: ${matter}`);
  }
};

/** More than a loaded machine takes for anything, and less than a test may take. */
const PATIENCE_MS = 60_000;
const POLL_MS = 5;

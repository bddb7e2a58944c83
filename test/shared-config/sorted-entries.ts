import type { EnvOverlay } from '../../src/shared-config/env-overlay.ts';

/** Returns the variables sorted by name. A comparison of them includes `__proto__` and ignores the order. */
export const sortedEntries = (env: EnvOverlay) =>
  Object.entries(env).sort(([one], [other]) => (one < other ? -1 : 1));

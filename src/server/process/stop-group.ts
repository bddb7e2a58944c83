import { setTimeout as delay } from 'node:timers/promises';
import type { ChildGroup } from './child-group.ts';

/**
 * Ends a process group: SIGTERM, time to react, SIGKILL. Resolves when nothing of the group is left or
 * SIGKILL was sent. Not only its leader is waited for: what it started deserves the same grace.
 */
export const stopGroup = async (
  group: Pick<ChildGroup, 'isAlive' | 'signal'>,
  graceMs: number,
): Promise<void> => {
  group.signal('SIGTERM');
  // A stopped process acts on SIGTERM only when it runs again.
  group.signal('SIGCONT');
  const deadline = Date.now() + graceMs;
  while (group.isAlive) {
    if (Date.now() >= deadline) {
      group.signal('SIGKILL');
      return;
    }
    await delay(POLL_MS);
  }
};

// The end of a group is no event: its members are not all our children.
const POLL_MS = 20;

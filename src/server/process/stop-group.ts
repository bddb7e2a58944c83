import { setTimeout as delay } from 'node:timers/promises';
import type { ProcessGroups } from '../platform/process-groups.ts';

/**
 * Ends a process group: SIGTERM, time to react, SIGKILL. Resolves when nothing of the group is left or
 * SIGKILL was sent. Not only its leader is waited for: what it started deserves the same grace.
 */
export const stopGroup = async (groups: ProcessGroups, leader: number, graceMs: number): Promise<void> => {
  groups.signal(leader, 'SIGTERM');
  // A stopped process acts on SIGTERM only when it runs again.
  groups.signal(leader, 'SIGCONT');
  const deadline = Date.now() + graceMs;
  while (groups.isAlive(leader)) {
    if (Date.now() >= deadline) {
      groups.signal(leader, 'SIGKILL');
      return;
    }
    await delay(POLL_MS);
  }
};

// The end of a group is no event: its members are not all our children.
const POLL_MS = 20;

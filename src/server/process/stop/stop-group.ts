import { pollUntil } from '../../../system/deadline.ts';
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
  if (!(await pollUntil(() => !group.isAlive, graceMs, POLL_MS))) group.signal('SIGKILL');
};

// The end of a group is no event: its members are not all our children.
const POLL_MS = 20;

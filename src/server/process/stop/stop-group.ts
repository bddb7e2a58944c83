import { pollUntil } from '../../../system/deadline.ts';
import type { ChildGroup } from './child-group.ts';

/**
 * Ends a process group: SIGTERM, a grace, SIGKILL. Resolves when the group is empty or SIGKILL was sent. The grace is
 * that of the whole group, not only of its leader.
 */
export const stopGroup = async (
  group: Pick<ChildGroup, 'isAlive' | 'signal'>,
  graceMs: number,
): Promise<void> => {
  group.signal('SIGTERM');
  // A stopped process handles SIGTERM only after it continues.
  group.signal('SIGCONT');
  if (!(await pollUntil(() => !group.isAlive, graceMs, POLL_MS))) group.signal('SIGKILL');
};

// There is no event for the end of a group: not all of its members are children of this process.
const POLL_MS = 20;

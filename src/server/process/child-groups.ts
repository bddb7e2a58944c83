import type { ProcessGroups } from '../platform/process-groups.ts';
import type { Child } from './child.ts';

/**
 * The groups as one child is looked after with them. While it runs its group is there, and needn't be looked at to
 * know it. What is left of a sandbox after that can't run any more, though it may take a while to be cleared away.
 */
export const groupsOf = (child: Child, groups: ProcessGroups): ProcessGroups => {
  let runs = true;
  child.onExit(() => {
    runs = false;
  });
  const isLeft = (leader: number) => child.confined === undefined && groups.isAlive(leader);
  return { ...groups, isAlive: leader => (runs && leader === child.pid) || isLeft(leader) };
};

import type { ChildProcess } from 'node:child_process';
import { posixGroups } from '../../../../src/server/platform/process-groups.ts';
import { ChildGroup } from '../../../../src/server/process/child-group.ts';

/** The group of a child of Node's that leads one. */
export const groupOf = (child: ChildProcess): ChildGroup =>
  new ChildGroup(
    { pid: child.pid as number, onExit: listener => void child.on('exit', listener) },
    posixGroups(),
  );

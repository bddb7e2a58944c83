import type { ChildProcess } from 'node:child_process';
import { ChildGroup } from '../../../../src/server/process/stop/child-group.ts';
import { posixGroups } from '../../../../src/system/process-groups.ts';

/** Process group of a detached child. */
export const groupOf = (child: ChildProcess): ChildGroup =>
  new ChildGroup(
    { pid: child.pid as number, onExit: listener => void child.on('exit', listener) },
    posixGroups(),
  );

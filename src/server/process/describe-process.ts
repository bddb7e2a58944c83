import type { ResultIn } from '../../protocol/define.ts';
import type { Requests } from '../../protocol/messages.ts';
import type { StreamBytes } from '../../protocol/process.ts';
import { descendantsOf, type ProcessTable } from '../../system/process-table.ts';
import type { Exit } from './ending.ts';
import type { ProcessOptions } from './start/process-options.ts';

/** Facts about a process that a list shows. */
export type ProcessView = {
  readonly options: Pick<ProcessOptions, 'processId' | 'argv0' | 'tty'>;
  readonly pid: number;
  readonly state: 'running' | 'exited' | 'closed';
  readonly startedAtMs: number;
  readonly exit: Exit | undefined;
  readonly bytes: StreamBytes;
};

/** Entry of `process/list` for one process. */
export const describeProcess = (
  { options: { processId, argv0, tty }, pid, state, startedAtMs, exit, bytes }: ProcessView,
  table: ProcessTable,
): ResultIn<Requests['process/list']>['processes'][number] => ({
  processId,
  pid,
  argv0,
  tty,
  state,
  exitCode: exit?.exitCode ?? null,
  startedAtMs,
  exitedAtMs: exit?.atMs ?? null,
  bytes,
  // After the exit another process may have the pid.
  descendants:
    state === 'running'
      ? descendantsOf(pid, table).map(pid => ({ pid, name: table.get(pid)?.name ?? '' }))
      : [],
});

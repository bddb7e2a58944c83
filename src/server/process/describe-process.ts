import type { ResultIn } from '../../protocol/define.ts';
import type { Requests } from '../../protocol/messages.ts';
import { descendantsOf, type ProcessTable } from '../../system/process-table.ts';
import type { ManagedProcess } from './managed-process.ts';

/** The longest name of a program in a list, which may have thousands of them. */
const MAX_LISTED_NAME_LENGTH = 1024;

/** A process as `process/list` tells it. */
export const describeProcess = (
  process: ManagedProcess,
  table: ProcessTable,
): ResultIn<Requests['process/list']>['processes'][number] => ({
  processId: process.options.processId,
  pid: process.pid,
  argv0: process.options.argv0.slice(0, MAX_LISTED_NAME_LENGTH),
  tty: process.options.tty,
  state: process.state,
  exitCode: process.exit?.exitCode ?? null,
  startedAtMs: process.startedAtMs,
  exitedAtMs: process.exit?.atMs ?? null,
  bytes: process.bytes,
  // After its end the pid may be somebody else's.
  descendants:
    process.state === 'running'
      ? descendantsOf(process.pid, table).map(pid => ({ pid, name: table.get(pid)?.name ?? '' }))
      : [],
});

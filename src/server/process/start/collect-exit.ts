import type { ChildProcess } from 'node:child_process';
import { isMainThread } from 'node:worker_threads';
import { attempt } from '../../../system/attempt.ts';
import { onceEnded } from '../../../system/child-reaper.ts';
import { loadLibc } from '../../../system/libc.ts';
import { ChildExit } from '../child-exit.ts';

/**
 * Exit of a child that Node has just started. Node has no names for real-time signals and reports a death by one as
 * exit code 0. So on Linux its handle is closed, after which Node does not reap the child, and the status is collected by
 * the C library. In a worker thread, which receives no SIGCHLD, and without the C library the exit is that of Node.
 */
export const exitOf = (child: ChildProcess & { readonly pid: number }): ChildExit => {
  const exit = new ChildExit();
  const handle = handleOf(child);
  if (isMainThread && handle !== undefined && attempt(loadLibc) !== undefined) {
    handle.close();
    onceEnded(child.pid, (code, signal) => exit.settle(code, signal));
  } else {
    child.once('exit', (code, signal) => exit.report(code, signal));
  }
  return exit;
};

/** The handle, which is no public part of Node. */
const handleOf = (child: ChildProcess & { readonly _handle?: unknown }): { close(): void } | undefined => {
  const { _handle: handle } = child;
  const isHandle = typeof handle === 'object' && handle !== null && 'close' in handle;
  return isHandle && typeof handle.close === 'function' ? (handle as { close(): void }) : undefined;
};

import { pollUntil } from './deadline.ts';
import { loadLibc } from './libc.ts';
import { hasThreadTasks } from './thread-pool.ts';

/**
 * Ends this process within a bound. `process.exit` waits for the threads of the pool, which may be blocked in a file
 * system or a name server that does not answer: then the C library ends it with the same code or, where that cannot be
 * called, SIGKILL does (137 in a shell). Listeners of `exit` don't run then.
 */
export const endProcess = async (exitCode: number): Promise<never> => {
  if (await pollUntil(() => !hasThreadTasks(), THREADS_END_MS, POLL_MS)) process.exit(exitCode);
  try {
    loadLibc().exit(exitCode);
  } catch {
    // Not installed, or no binary for this machine.
  }
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => {});
};

/** Time for pending tasks to end, in milliseconds; file requests had their own time before. */
const THREADS_END_MS = 200;
const POLL_MS = 10;

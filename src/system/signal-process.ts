import { type ProcessEntry, readProcess } from './process-table.ts';

/**
 * Sends a signal to a process that was found in a look at the machine, unless it has ended since: its pid may be
 * another one's by now. On Linux its start time is compared right before; elsewhere that would take another `ps`.
 *
 * @returns whether it was sent
 */
export const signalProcess = (
  { pid, startTime }: Pick<ProcessEntry, 'pid' | 'startTime'>,
  signal: NodeJS.Signals,
  platform: NodeJS.Platform = process.platform,
): boolean => {
  if (platform === 'linux' && readProcess(pid)?.startTime !== startTime) return false;
  return signalPid(pid, signal);
};

/**
 * Sends a signal to a child of this process whose end hasn't been handled yet: until then no other gets its pid.
 *
 * @returns whether it was sent
 */
export const signalPid = (pid: number, signal: NodeJS.Signals): boolean => {
  try {
    return process.kill(pid, signal);
  } catch {
    return false; // it has ended, or belongs to another user
  }
};

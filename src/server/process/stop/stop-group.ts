import { pollUntil } from '../../../system/deadline.ts';
import { HANG_UP_MS } from '../limits.ts';

/** Processes that are ended together. */
export type StopTarget = {
  /** Sends signals in this order to those that are left. */
  signal(...signals: readonly NodeJS.Signals[]): void | Promise<void>;
  /** Resolves with true when none of them runs any more. */
  hasEnded(): Promise<boolean>;
};

/**
 * Ends a process group: SIGTERM, a grace, SIGKILL. Resolves when no process of the group runs or SIGKILL was sent. The
 * grace is that of the whole group, not only of its leader.
 */
export const stopGroup = async (group: StopTarget, graceMs: number): Promise<void> => {
  if (!(await endsBy('SIGTERM', group, graceMs))) await group.signal('SIGKILL');
};

/**
 * Ends the processes of a terminal as its closing does: SIGHUP, which interactive shells expect, while they ignore
 * SIGTERM. Those that stay are ended like a group, within the same grace.
 */
export const hangUp = async (session: StopTarget, graceMs: number): Promise<void> => {
  const hangUpMs = Math.min(HANG_UP_MS, graceMs / 2);
  if (!(await endsBy('SIGHUP', session, hangUpMs))) await stopGroup(session, graceMs - hangUpMs);
};

const endsBy = async (signal: NodeJS.Signals, target: StopTarget, waitMs: number): Promise<boolean> => {
  // A stopped process handles a signal only after it continues.
  await target.signal(signal, 'SIGCONT');
  return pollUntil(() => target.hasEnded(), waitMs, POLL_MS);
};

// There is no event for the end of a group: not all of its members are children of this process.
const POLL_MS = 20;

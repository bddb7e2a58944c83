import { killHolders } from '../../../system/holders.ts';
import { type PinnedFile, releaseAll } from '../../../system/pinned-file.ts';
import type { ChildGroup } from './child-group.ts';
import { stopGroup } from './stop-group.ts';

/**
 * Ends a process: its group by SIGTERM and, after `graceMs`, SIGKILL; then the processes that have left the group and
 * still hold one of its streams.
 *
 * @param pinStreams pins the streams that other processes may still hold; called when the group is gone
 */
export const stopProcess = async (
  group: ChildGroup,
  graceMs: number,
  pinStreams: () => readonly PinnedFile[],
): Promise<void> => {
  await stopGroup(group, graceMs);
  // The ends of the streams arrive in the next turns of the event loop, as do those of their holders.
  await new Promise(resolve => setTimeout(resolve, LAST_READ_MS));
  const streams = pinStreams();
  await killHolders(streams);
  releaseAll(streams);
};

const LAST_READ_MS = 20;

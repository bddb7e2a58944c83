import { killHolders } from '../../../system/holders.ts';
import { type PinnedFile, releaseAll } from '../../../system/pinned-file.ts';
import type { ChildGroup } from './child-group.ts';
import { stopGroup } from './stop-group.ts';

/**
 * Ends a process with all that belongs to it: its group by SIGTERM and, after `graceMs`, SIGKILL; then those that have
 * left the group and still hold one of its streams.
 *
 * @param pinStreams called when the group is gone: the streams that others may still hold
 */
export const stopProcess = async (
  group: ChildGroup,
  graceMs: number,
  pinStreams: () => readonly PinnedFile[],
): Promise<void> => {
  await stopGroup(group, graceMs);
  // The ends of streams arrive with the next turns of the event loop, as do the ends of those who held them.
  await new Promise(resolve => setTimeout(resolve, LAST_READ_MS));
  const streams = pinStreams();
  await killHolders(streams);
  releaseAll(streams);
};

const LAST_READ_MS = 20;

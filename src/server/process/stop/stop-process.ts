import { killHolders } from '../../../system/holders.ts';
import { type PinnedFile, releaseAll } from '../../../system/pinned-file.ts';

/**
 * Ends a process: first its group or terminal, then the processes that have left it and still hold one of its streams.
 *
 * @param stop ends the group or the terminal
 * @param pinStreams pins the streams that other processes may still hold; called after that
 */
export const stopProcess = async (
  stop: () => Promise<void>,
  pinStreams: () => readonly PinnedFile[],
): Promise<void> => {
  await stop();
  // The ends of the streams arrive in the next turns of the event loop, as do those of their holders.
  await new Promise(resolve => setTimeout(resolve, LAST_READ_MS));
  const streams = pinStreams();
  await killHolders(streams);
  releaseAll(streams);
};

const LAST_READ_MS = 20;

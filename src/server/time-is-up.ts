import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Resolves when so many milliseconds have passed, and what happened in them was heard of: a process that was held up
 * comes to its timers before it comes to what it was sent meanwhile. Keeps no process alive.
 */
export const timeIsUp = async (ms: number): Promise<void> => {
  await delay(ms, undefined, { ref: false });
  for (let turn = 0; turn < TURNS_TO_HEAR; turn += 1) await nextTurn();
};

// The bytes, the end of a stream, its close, and what follows from that.
const TURNS_TO_HEAR = 5;

import { isMainThread } from 'node:worker_threads';
import { errnoName, loadLibc } from './libc.ts';

/** Told once how a process ended; `signal` is the number of the signal that ended it, 0 if none did. */
export type EndListener = (exitCode: number, signal: number) => void;

/**
 * Collects the status of a child that Node did not start, once it has ended. Until then its pid is its own. The
 * listener is never called before the caller has returned.
 */
export const onceEnded = (pid: number, listener: EndListener): void => {
  if (running.size === 0) startWatching();
  running.set(pid, listener);
  // It may have ended before anything listened for that.
  setImmediate(collect);
};

const running = new Map<number, EndListener>();

/** Each by its pid: the other children of this process belong to Node. */
const collect = (): void => {
  for (const [pid, listener] of running) {
    const end = endOf(pid);
    if (end === undefined) continue;
    running.delete(pid);
    if (running.size === 0) stopWatching();
    listener(...end);
  }
};

const endOf = (pid: number): Parameters<EndListener> | undefined => {
  const libc = loadLibc();
  const memory = new Int32Array(1);
  const result = libc.waitpid(pid, memory, WNOHANG);
  if (result === 0) return undefined;
  if (result === pid) {
    const [status = 0] = memory;
    return [(status >> 8) & 0xff, status & 0x7f];
  }
  // Something else in this process has collected it: the program that the server is part of.
  return errnoName(libc.lastError()) === 'ECHILD' ? [UNKNOWN_STATUS, 0] : undefined;
};

const WNOHANG = 1;
const UNKNOWN_STATUS = 255;

let polling: NodeJS.Timeout | undefined;

const startWatching = (): void => {
  if (isMainThread) process.on('SIGCHLD', collect);
  // Other threads hear of no signal.
  else polling = setInterval(collect, POLL_MS);
};

const stopWatching = (): void => {
  process.off('SIGCHLD', collect);
  clearInterval(polling);
};

const POLL_MS = 20;

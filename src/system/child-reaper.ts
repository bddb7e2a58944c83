import { isMainThread } from 'node:worker_threads';
import { errnoName, loadLibc } from './libc.ts';

/** Receives the end of a process, once; `signal` is the number of the signal that ended it, 0 if none did. */
export type EndListener = (exitCode: number, signal: number) => void;

/**
 * Collects the status of a child that Node does not reap, once it has ended. Until then its pid is its own. The
 * listener is never called before the caller has returned.
 */
export const onceEnded = (pid: number, listener: EndListener): void => {
  if (polling === undefined) startWatching();
  else if (running.size === 0) polling.ref();
  running.set(pid, listener);
  // It may have ended before, even before anything listened for that.
  setImmediate(collectOne, pid);
};

const running = new Map<number, EndListener>();

/** Collects those that have ended. The system names one at a time; if that belongs to Node, all are asked for. */
const collect = (): void => {
  let collected = 0;
  let ended = anyEnded();
  for (; running.has(ended); ended = anyEnded()) {
    collectOne(ended);
    collected += 1;
  }
  if (ended !== 0 || collected === 0) for (const pid of running.keys()) collectOne(pid);
};

/** Returns the pid of a child that has ended, which is not reaped; 0 or less if there is none. */
const anyEnded = (): number => {
  INFO.fill(0);
  const result = loadLibc().waitid(P_ALL, 0, INFO, WEXITED | WNOHANG | WNOWAIT);
  return result === 0 ? (INFO[PID_INDEX] ?? 0) : -1;
};

/** Reaps a child by its pid: the other children of this process belong to Node. */
const collectOne = (pid: number): void => {
  const listener = running.get(pid);
  const end = listener && endOf(pid);
  if (end === undefined) return;
  running.delete(pid);
  if (running.size === 0) pauseWatching();
  listener?.(...end);
};

const endOf = (pid: number): Parameters<EndListener> | undefined => {
  const libc = loadLibc();
  const result = libc.waitpid(pid, STATUS, WNOHANG);
  if (result === 0) return undefined;
  if (result === pid) {
    const [status = 0] = STATUS;
    return [(status >> 8) & 0xff, status & 0x7f];
  }
  // Something else in this process has collected it: the program that the server is part of.
  return errnoName(libc.lastError()) === 'ECHILD' ? [UNKNOWN_STATUS, 0] : undefined;
};

const STATUS = new Int32Array(1);
// siginfo_t: 128 bytes, with the pid after three numbers and a gap.
const INFO = new Int32Array(32);
const PID_INDEX = 4;
const P_ALL = 0;
const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x01000000;
const UNKNOWN_STATUS = 255;

// The listener stays: to add and remove it for each child would make a short command slower.
const startWatching = (): void => {
  // In other threads no signal arrives.
  if (isMainThread) process.on('SIGCHLD', collect);
  polling = setInterval(collect, isMainThread ? MAX_INTERVAL_MS : POLL_MS);
};

const pauseWatching = (): void => {
  polling?.unref();
  if (isMainThread) return;
  clearInterval(polling);
  polling = undefined;
};

/** In the main thread it only keeps this process alive while a child runs, as a child of Node does. */
let polling: NodeJS.Timeout | undefined;

const POLL_MS = 20;
const MAX_INTERVAL_MS = 2 ** 31 - 1;

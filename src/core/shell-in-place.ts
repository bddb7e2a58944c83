import type { Readable } from 'node:stream';
import { TextTail } from './text-tail.ts';

/**
 * Looks whether a shell reads what was meant for a server: it complains of a command that is called as our
 * header is, and then waits for more of them, for ever.
 *
 * @returns ends the watch
 */
export const watchForShell = (stderr: Readable, found: () => void): (() => void) => {
  const tail = new TextTail(TAIL_BYTES);
  const look = (chunk: Buffer) => {
    tail.push(chunk);
    if (!complainsOfHeader(tail.text)) return;
    stop();
    found();
  };
  const stop = () => void stderr.off('data', look);
  stderr.on('data', look);
  return stop;
};

/** Whether a shell was given our header for a command. */
export const complainsOfHeader = (stderr: string): boolean => /content-length:/i.test(stderr);

/** Longer than what any shell says of one command. */
const TAIL_BYTES = 1024;

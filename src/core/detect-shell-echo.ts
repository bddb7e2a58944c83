import type { Readable } from 'node:stream';
import { TextTail } from './text-tail.ts';

/**
 * Detects a shell in place of a server. It reports an unknown command, named like the protocol header, and then waits
 * for more input forever.
 *
 * @returns a function that stops the detection
 */
export const watchForShell = (stderr: Readable, found: () => void): (() => void) => {
  const tail = new TextTail(TAIL_BYTES);
  const check = (chunk: Buffer) => {
    tail.push(chunk);
    if (!reportsHeaderAsCommand(tail.text)) return;
    stop();
    found();
  };
  const stop = () => void stderr.off('data', check);
  stderr.on('data', check);
  return stop;
};

/** True if a shell has reported the protocol header as an unknown command. */
export const reportsHeaderAsCommand = (stderr: string): boolean => /content-length:/i.test(stderr);

/** Longer than the error of any shell about one command. */
const TAIL_BYTES = 1024;

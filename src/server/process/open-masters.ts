import type { StdioOptions } from 'node:child_process';
import { openSync } from 'node:fs';

/**
 * Our sides of the open terminals. The native module opens them without close-on-exec, which nothing in Node
 * can set, so every child would inherit them and keep those terminals from closing.
 */
export const openMasters = new Set<{ readonly fd: number; isOpen(): boolean }>();

/** Adds to the streams of a child on pipes what covers the terminals: /dev/null in place of each. */
export const coverMasters = (streams: Exclude<StdioOptions, string>): Exclude<StdioOptions, string> => {
  const covered = [...streams];
  for (const { fd, isOpen } of openMasters) {
    if (!isOpen()) continue;
    while (covered.length < fd) covered.push('ignore');
    covered[fd] = nullDevice();
  }
  return covered;
};

const nullDevice = (): number => {
  nullFd ??= openSync('/dev/null', 'r+');
  return nullFd;
};

let nullFd: number | undefined;

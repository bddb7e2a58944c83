import { readdirSync, readlinkSync } from 'node:fs';

/** What this process has open, as /proc shows it. */
export const openLinks = (): string[] =>
  readdirSync('/proc/self/fd').flatMap(fd => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // the one that read the directory
    }
  });

/** What this process has open of the files below a directory, deleted or not. */
export const openBelow = (directory: string): string[] =>
  openLinks().filter(link => link.startsWith(`${directory}/`));

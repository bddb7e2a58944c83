import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Processes whose working directory is `directory`: every one that a test started there and nobody ended. */
export const survivorsIn = (directory: string): string[] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => linkTarget(`/proc/${pid}/cwd`) === directory)
    .map(pid => `${pid} ${commandLine(pid)}`);

/** Waits until none is left. A process that was sent SIGKILL may take a moment to be gone. */
export const noSurvivorsIn = async (directory: string, withinMs = 3000): Promise<void> => {
  const deadline = Date.now() + withinMs;
  for (let left = survivorsIn(directory); left.length > 0; left = survivorsIn(directory)) {
    if (Date.now() > deadline) throw new Error(`still alive after ${withinMs} ms: ${left.join(', ')}`);
    await delay(20);
  }
};

const linkTarget = (path: string): string | undefined => {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
};

const commandLine = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return 'gone';
  }
};

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { descendantsOf, type ProcessEntry, readProc } from '../../../src/server/platform/process-table.ts';

/** Processes whose working directory is `directory`: every one that a test started there and nobody ended. */
export const survivorsIn = (directory: string): string[] =>
  workingDirectories()
    .filter(([, cwd]) => cwd === directory)
    .map(([pid]) => described(pid));

/** The same for the directories in `parent`, each with who is there, as of one look. */
export const survivorsBelow = (parent: string): Array<readonly [directory: string, process: string]> =>
  workingDirectories()
    .filter(([, cwd]) => cwd !== undefined && dirname(cwd) === parent)
    .map(([pid, cwd]) => [cwd as string, described(pid)]);

/** Waits until none is left. A process that was sent SIGKILL may take a moment to be gone. */
export const noSurvivorsIn = async (directory: string, withinMs = 30_000): Promise<void> => {
  const deadline = performance.now() + withinMs;
  for (let left = survivorsIn(directory); left.length > 0; left = survivorsIn(directory)) {
    if (performance.now() > deadline) throw new Error(`still alive after ${withinMs} ms: ${left.join(', ')}`);
    await delay(20);
  }
};

/** A process and all below it, as of now. */
export const tasksOf = (root: number): ProcessEntry[] => {
  const table = readProc();
  return [root, ...descendantsOf(root, table)].flatMap(pid => table.get(pid) ?? []);
};

/** Those of the tasks that are still there; a later process with the pid of one is another. */
export const leftOf = (tasks: readonly ProcessEntry[]): ProcessEntry[] => {
  const table = readProc();
  return tasks.filter(({ pid, startTime }) => {
    const now = table.get(pid);
    return now !== undefined && now.startTime === startTime && now.state !== 'Z';
  });
};

/** The directories of the named pipes that a server has open. */
export const pipeDirectoriesOf = (server: number): string[] => {
  const links = list(`/proc/${server}/fd`).map(fd => linkTarget(`/proc/${server}/fd/${fd}`) ?? '');
  return [...new Set(links.flatMap(link => /^(.*\/exec-server-[^/]+)\/\d+$/.exec(link)?.[1] ?? []))];
};

const workingDirectories = (): Array<readonly [pid: string, cwd: string | undefined]> =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(pid => [pid, linkTarget(`/proc/${pid}/cwd`)]);

const list = (directory: string): string[] => {
  try {
    return readdirSync(directory);
  } catch {
    return []; // it has ended
  }
};

const linkTarget = (path: string): string | undefined => {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
};

const described = (pid: string): string => `${pid} ${commandLine(pid)}`;

const commandLine = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return 'gone';
  }
};

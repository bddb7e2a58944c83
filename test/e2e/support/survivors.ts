import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { descendantsOf, type ProcessEntry, readProc } from '../../../src/system/process-table.ts';

/** The processes that have `directory` as working directory: those that a test started there and that still run. */
export const survivorsIn = (directory: string): string[] =>
  workingDirectories()
    .filter(([, cwd]) => cwd === directory)
    .map(([pid]) => describeProcess(pid));

/** The same for all directories in `parent`, from one scan: pairs of a directory and a process in it. */
export const survivorsBelow = (parent: string): Array<readonly [directory: string, process: string]> =>
  workingDirectories()
    .filter(([, cwd]) => cwd !== undefined && dirname(cwd) === parent)
    .map(([pid, cwd]) => [cwd as string, describeProcess(pid)]);

/** Waits until `survivorsIn` finds none: a process that was sent SIGKILL may take a moment to exit. */
export const waitForNoSurvivorsIn = async (directory: string, withinMs = 30_000): Promise<void> => {
  const deadline = performance.now() + withinMs;
  for (let survivors = survivorsIn(directory); survivors.length > 0; survivors = survivorsIn(directory)) {
    if (performance.now() > deadline)
      throw new Error(`still alive after ${withinMs} ms: ${survivors.join(', ')}`);
    await delay(20);
  }
};

/** A process and its descendants, as of current. */
export const processTreeOf = (root: number): ProcessEntry[] => {
  const table = readProc();
  return [root, ...descendantsOf(root, table)].flatMap(pid => table.get(pid) ?? []);
};

/** Those of the processes that still run; a later process with the same pid does not count. */
export const survivorsOf = (processes: readonly ProcessEntry[]): ProcessEntry[] => {
  const table = readProc();
  return processes.filter(({ pid, startTime }) => {
    const current = table.get(pid);
    return current !== undefined && current.startTime === startTime && current.state !== 'Z';
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
    return []; // the server has exited
  }
};

const linkTarget = (path: string): string | undefined => {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
};

const describeProcess = (pid: string): string => `${pid} ${commandLine(pid)}`;

const commandLine = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return 'gone';
  }
};

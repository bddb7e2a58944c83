import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/**
 * Sends SIGKILL to `root` and its descendants, without waiting for them to exit. A process whose parent has exited is
 * in no tree any more and is not found.
 */
export const killTree = (root: number): void => {
  const stopped = new Set<number>();
  // Stopped processes cannot fork and keep their parent, so the tree is complete once a scan finds no new process.
  // Killing after the first scan would reparent later children to init.
  for (let found = [root]; found.length > 0; found = below(stopped)) {
    for (const pid of found) {
      stopped.add(pid);
      signal(pid, 'SIGSTOP');
    }
  }
  for (const pid of stopped) signal(pid, 'SIGKILL');
};

/** The pids of the descendants of `root` as of now. */
export const descendantsOf = (root: number): number[] => {
  const found = new Set([root]);
  for (let next = below(found); next.length > 0; next = below(found)) for (const pid of next) found.add(pid);
  return [...found].slice(1);
};

/** The pids of the children of `parent` as of now. */
export const childrenOf = (parent: number): number[] =>
  listProcesses()
    .filter(({ ppid }) => ppid === parent)
    .map(({ pid }) => pid);

/** Sends a signal; a process that has exited is not an error. */
export const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name);
  } catch (error) {
    // macOS answers EPERM instead of ESRCH for a zombie.
    if (!['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
};

const below = (parents: ReadonlySet<number>): number[] =>
  listProcesses()
    .filter(({ pid, ppid }) => parents.has(ppid) && !parents.has(pid))
    .map(({ pid }) => pid);

type Listed = { pid: number; ppid: number };

// Minimal Linux images have no ps; other systems have no /proc.
const listProcesses = (): Listed[] => (process.platform === 'linux' ? fromProc() : fromPs());

const fromProc = (): Listed[] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(name => {
      const ppid = parentFromProc(name);
      return ppid === undefined ? [] : [{ pid: Number(name), ppid }];
    });

const parentFromProc = (pid: string): number | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined; // exited after the directory was read
  }
};

const fromPs = (): Listed[] =>
  execFileSync('ps', ['-A', '-o', 'pid=', '-o', 'ppid='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map(line => line.trim().split(/\s+/).map(Number))
    .map(([pid = 0, ppid = 0]) => ({ pid, ppid }));

import { execFile } from 'node:child_process';
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import { TimeSlice } from './time-slice.ts';

/** One process as a look at the machine found it. */
export type ProcessEntry = {
  readonly pid: number;
  readonly ppid: number;
  readonly pgid: number;
  /** The session; `undefined` where `ps` has no number for it. */
  readonly sid: number | undefined;
  /** `R`, `S`, `Z`, …: the first letter means the same everywhere. */
  readonly state: string;
  readonly name: string;
  /** Tells a process from a later one with the same pid. To be compared for equality, nothing else. */
  readonly startTime: string;
};

/** All processes of the machine by pid. Not one moment's: some ended or began while it was read. */
export type ProcessTable = ReadonlyMap<number, ProcessEntry>;

export type ProcessTableOptions = {
  readonly procRoot?: string;
  readonly ps?: () => Promise<PsAnswer>;
};

/** The output of `ps`, and its own pid. */
export type PsAnswer = { readonly pid: number | undefined; readonly output: string };

/**
 * Reads all processes: in /proc on Linux, in slices, since that takes ten milliseconds for each thousand, and by `ps` on
 * other systems. `undefined` where neither is to be had (Windows, a chroot without /proc). Never rejects.
 */
export const readProcessTable = async (
  platform: NodeJS.Platform,
  { procRoot = '/proc', ps = runPs }: ProcessTableOptions = {},
): Promise<ProcessTable | undefined> => {
  if (platform === 'win32') return undefined;
  try {
    return platform === 'linux' ? await readProcInSlices(procRoot) : fromPs(await ps());
  } catch {
    return undefined;
  }
};

const readProcInSlices = async (procRoot: string): Promise<ProcessTable> => {
  const table = new Map<number, ProcessEntry>();
  const slice = new TimeSlice();
  for (const entry of readEntries(procRoot)) {
    table.set(entry.pid, entry);
    if (slice.over) await slice.next();
  }
  return table;
};

/**
 * The Linux table, synchronously.
 *
 * @throws where there is no /proc.
 */
export const readProc = (procRoot = '/proc'): ProcessTable =>
  new Map(Array.from(readEntries(procRoot), entry => [entry.pid, entry]));

function* readEntries(procRoot: string): Generator<ProcessEntry> {
  for (const name of readdirSync(procRoot)) {
    const entry = isPid(name) ? readStat(`${procRoot}/${name}/stat`) : undefined;
    if (entry !== undefined) yield entry;
  }
}

/** One process of Linux, synchronously; `undefined` if there is none with this pid. */
export const readProcess = (pid: number, procRoot = '/proc'): ProcessEntry | undefined =>
  readStat(`${procRoot}/${pid}/stat`);

/** Returns true for a process that has ended and only waits for its parent to reap it, which may never happen. */
export const isZombie = ({ state }: Pick<ProcessEntry, 'state'>): boolean => state === 'Z' || state === 'X';

/**
 * Everything below `pid`, without `pid` itself; parents come before their children. Signalled in that order
 * a parent can't replace a child that it has just lost; and a child whose parent is gone is still in the list.
 */
export const descendantsOf = (pid: number, table: ProcessTable): number[] => {
  const children = childrenIn(table);
  // A set, since a table read over some time may show a circle. It grows while it is gone through.
  const found = new Set([pid]);
  for (const parent of found) for (const child of children.get(parent) ?? []) found.add(child);
  found.delete(pid);
  return [...found];
};

/** The children of each process, worked out once for a table: a list of processes asks for each of them. */
const childrenIn = (table: ProcessTable): ReadonlyMap<number, readonly number[]> => {
  const known = childrenOf.get(table);
  if (known !== undefined) return known;
  const children = new Map<number, number[]>();
  for (const { pid, ppid } of table.values()) {
    const siblings = children.get(ppid);
    if (siblings === undefined) children.set(ppid, [pid]);
    else siblings.push(pid);
  }
  childrenOf.set(table, children);
  return children;
};

const childrenOf = new WeakMap<ProcessTable, ReadonlyMap<number, readonly number[]>>();

/** Returns true if the name of a directory in /proc is a pid. */
export const isPid = (name: string): boolean => /^\d+$/.test(name);

// The fields up to the start time need less, with every number at its longest.
const statBuffer = Buffer.alloc(1024);

const readStat = (path: string): ProcessEntry | undefined => {
  let fd: number | undefined;
  try {
    // readFileSync takes half as long again: it asks for the size, which is 0, and reads on to the end.
    fd = openSync(path, 'r');
    return parseStat(statBuffer.toString('utf8', 0, readSync(fd, statBuffer)));
  } catch {
    return undefined; // ended since the directory was read
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
};

const parseStat = (line: string): ProcessEntry | undefined => {
  // The name stands in parentheses and may hold spaces and parentheses itself; no later field does.
  const open = line.indexOf('(');
  const close = line.lastIndexOf(')');
  const [state, ppid, pgid, sid, ...rest] = line.slice(close + 2).split(' ');
  const [threads, startTime] = [rest[13], rest[15]];
  if (state === undefined || startTime === undefined) return undefined;
  return {
    pid: Number.parseInt(line, 10),
    ppid: Number(ppid),
    pgid: Number(pgid),
    sid: Number(sid),
    // The state is that of the first thread, which may have exited before the others.
    state: state === 'Z' && Number(threads) > 1 ? 'S' : state,
    name: line.slice(open + 1, close),
    startTime,
  };
};

const fromPs = ({ pid, output }: PsAnswer): ProcessTable => {
  const table = new Map<number, ProcessEntry>();
  for (const line of output.split('\n')) {
    const entry = parsePsLine(line);
    // ps sees itself, as our child.
    if (entry !== undefined && entry.pid !== pid) table.set(entry.pid, entry);
  }
  return table;
};

// A start time is five words: Mon Jan 22 10:11:12 2024.
const PS_LINE = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+((?:\S+\s+){4}\S+)\s+(.*)$/;

const parsePsLine = (line: string): ProcessEntry | undefined => {
  const [, pid, ppid, pgid, state, startTime, name] = PS_LINE.exec(line) ?? [];
  if (state === undefined || startTime === undefined || name === undefined) return undefined;
  return {
    pid: Number(pid),
    ppid: Number(ppid),
    pgid: Number(pgid),
    sid: undefined,
    state,
    // macOS gives the whole path.
    name: basename(name.trimEnd()),
    startTime,
  };
};

// One -o each: BSD's ps takes all that follows a "=" for the heading of that column, commas included.
const PS_ARGS = [
  '-A',
  ...['pid', 'ppid', 'pgid', 'stat', 'lstart', 'comm'].flatMap(name => ['-o', `${name}=`]),
];

const runPs = (): Promise<PsAnswer> =>
  new Promise((resolve, reject) => {
    const child = execFile(
      'ps',
      PS_ARGS,
      { env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' }, maxBuffer: 64 * 1024 * 1024 },
      (error, output) => (error === null ? resolve({ pid: child.pid, output }) : reject(error)),
    );
  });

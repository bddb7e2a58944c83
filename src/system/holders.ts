import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { fileId, type PinnedFile } from './pinned-file.ts';
import { isPid, type ProcessEntry, readProcess } from './process-table.ts';
import { signalProcess } from './signal-process.ts';

/** A process that has one of the files open that were searched for. */
export type Holder = { readonly pid: number; readonly name: string };

export type HolderOptions = {
  /** Processes that don't count; usually the caller's own. */
  readonly exclude?: ReadonlySet<number> | undefined;
  readonly platform?: NodeJS.Platform;
  readonly procRoot?: string;
};

/** The outcome of {@link killHolders}. */
export type KilledHolders = {
  readonly killed: readonly Holder[];
  /** Those that the last scan still found: of another user, or blocked in the kernel. */
  readonly left: readonly Holder[];
};

/**
 * Finds the processes that have one of the files open. Processes that cannot be inspected (of
 * other users) do not count. A scan takes from a few to several hundred milliseconds and yields in between, so it is no
 * snapshot.
 *
 * @returns `undefined` where this is not known: only Linux with /proc shows it
 */
export const findHolders = async (
  files: readonly PinnedFile[],
  options: HolderOptions = {},
): Promise<Holder[] | undefined> => {
  const holders = new Map<number, Holder>();
  const known = await scanForHolders(files, options, ({ pid, name }) => holders.set(pid, { pid, name }));
  return known ? [...holders.values()] : undefined;
};

/**
 * Finds those of the files that other processes have open.
 *
 * @returns `undefined` where {@link findHolders} can't know
 */
export const findHeld = async (
  files: readonly PinnedFile[],
  options: HolderOptions = {},
): Promise<ReadonlySet<PinnedFile> | undefined> => {
  const held = new Set<PinnedFile>();
  const exclude = new Set([...(options.exclude ?? []), process.pid]);
  const known = await scanForHolders(files, { ...options, exclude }, (_, file) => held.add(file));
  return known ? held : undefined;
};

/**
 * Sends SIGKILL to the processes that have one of the files open until a scan finds none: a process may fork between
 * the scan and the kill. Stops after some rounds, or if none of the processes found may be killed. Spares `exclude`, this
 * process, pid 1, and processes older than this one: these were given the descriptor and are no descendants (the
 * ControlMaster of ssh, the server of tmux). Never rejects.
 *
 * @returns `undefined` where {@link findHolders} can't know
 */
export const killHolders = async (
  files: readonly PinnedFile[],
  options: HolderOptions = {},
): Promise<KilledHolders | undefined> => {
  const killed = new Map<number, Holder>();
  const left = new Map<number, Holder>();
  for (let round = 0; round < MAX_ROUNDS && files.length > 0; round += 1) {
    left.clear();
    let killedNow = false;
    // Each is killed when it is found: at the end of the scan its pid might be reused.
    const known = await scanForOthers(files, options, entry => {
      const { pid, name } = entry;
      if (left.has(pid)) return;
      left.set(pid, { pid, name });
      if (!signalProcess(entry, 'SIGKILL')) return;
      killed.set(pid, { pid, name });
      killedNow = true;
    });
    if (!known) return undefined;
    if (!killedNow) break;
    await delay((round + 1) * ROUND_PAUSE_MS);
  }
  return { killed: [...killed.values()], left: [...left.values()] };
};

/** Sends signals once to the processes that have one of the files open; spares those that {@link killHolders} spares. */
export const signalHolders = async (
  files: readonly PinnedFile[],
  signals: readonly NodeJS.Signals[],
  isMeant: (holder: ProcessEntry) => boolean = () => true,
): Promise<void> => {
  if (files.length === 0) return;
  const sent = new Set<number>();
  await scanForOthers(files, {}, entry => {
    if (sent.has(entry.pid) || !isMeant(entry)) return;
    sent.add(entry.pid);
    for (const signal of signals) signalProcess(entry, signal);
  });
};

/** Resolves with true if {@link killHolders} would find a process to end; false where that is not known. */
export const hasHolders = async (files: readonly PinnedFile[]): Promise<boolean> => {
  let found = false;
  if (files.length > 0)
    await scanForOthers(files, {}, () => {
      found = true;
    });
  return found;
};

/** Scans for holders other than this process, pid 1, and processes older than this one. */
const scanForOthers = (
  files: readonly PinnedFile[],
  options: HolderOptions,
  found: (holder: ProcessEntry) => void,
): Promise<boolean> => {
  const exclude = new Set([...(options.exclude ?? []), process.pid, 1]);
  const began = Number(readProcess(process.pid)?.startTime ?? 0);
  return scanForHolders(files, { ...options, exclude }, entry => {
    if (Number(entry.startTime) >= began) found(entry);
  });
};

const MAX_ROUNDS = 20;
// A killed process closes its files a moment later, on a busy machine up to a second.
const ROUND_PAUSE_MS = 5;
const MAX_BLOCKED_MS = 4;
const LINKS_PER_CLOCK = 64;

/**
 * Calls back immediately for each of the files that a process has open.
 *
 * @returns false if there is nothing to scan
 */
const scanForHolders = async (
  files: readonly PinnedFile[],
  { exclude, platform = process.platform, procRoot = '/proc' }: HolderOptions,
  found: (holder: ProcessEntry, file: PinnedFile) => void,
): Promise<boolean> => {
  if (platform !== 'linux') return false;
  const names = list(procRoot);
  if (names === undefined) return false;
  const byPath = new Map(files.map(file => [file.path, file]));
  let started = performance.now();
  for (const name of names) {
    const pid = Number(name);
    if (!isPid(name) || exclude?.has(pid)) continue;
    for (const file of heldBy(pid, procRoot, byPath)) {
      // Read before the file was compared, and compared again before a signal is sent.
      if (file !== undefined) found(...file);
      if (performance.now() - started < MAX_BLOCKED_MS) continue;
      await nextTurn();
      started = performance.now();
    }
  }
  return true;
};

/** The files that a process has open; now and then `undefined`, for a pause. */
function* heldBy(
  pid: number,
  procRoot: string,
  files: ReadonlyMap<string, PinnedFile>,
): Generator<[ProcessEntry, PinnedFile] | undefined> {
  const directory = `${procRoot}/${pid}`;
  let read = 0;
  for (const fd of list(`${directory}/fd`) ?? []) {
    const path = `${directory}/fd/${fd}`;
    // Reading a link never waits, as opening or examining a file on a dead file system does.
    const link = readLink(path);
    // The kernel grants all links of a process or none, and each refusal costs as much as many links.
    if (link === 'refused') break;
    const file = link === 'closed' ? undefined : files.get(link);
    const process = file && readProcess(pid, procRoot);
    if (process !== undefined && file !== undefined && holds(path, file, directory)) yield [process, file];
    read += 1;
    if (read % LINKS_PER_CLOCK === 0) yield undefined;
  }
  yield undefined;
}

// In this order: a child that comes to its program in between has closed the descriptor.
const holds = (descriptor: string, { dev, ino }: PinnedFile, directory: string): boolean => {
  if (isYetToExec(`${directory}/stat`)) return false;
  const id = fileId(descriptor);
  return id?.dev === dev && id.ino === ino;
};

const list = (directory: string): string[] | undefined => {
  try {
    return readdirSync(directory);
  } catch {
    return undefined; // another user's, or ended by now
  }
};

const readLink = (path: string): string => {
  try {
    return readlinkSync(path).replace(/ \(deleted\)$/, '');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? 'refused' : 'closed';
  }
};

/**
 * Returns true for a child of this process between fork and exec, which another thread may start at any time. Until exec
 * it has our own descriptors, afterwards none of them.
 */
const isYetToExec = (stat: string): boolean => {
  try {
    const line = readFileSync(stat, 'utf8');
    const [, parent, , , , , flags] = line.slice(line.lastIndexOf(')') + 2).split(' ');
    return Number(parent) === process.pid && (Number(flags) & PF_FORKNOEXEC) !== 0;
  } catch {
    return false;
  }
};

const PF_FORKNOEXEC = 0x40;

import { readdirSync, readFileSync, readlinkSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { isPid } from './process-table.ts';

/** A process that has one of the streams open that were looked for. */
export type Holder = { readonly pid: number; readonly name: string };

export type HolderOptions = {
  /** Processes that don't count; usually the caller's own. */
  readonly exclude?: ReadonlySet<number>;
  readonly platform?: NodeJS.Platform;
  readonly procRoot?: string;
};

/** The outcome of {@link killHolders}. */
export type KilledHolders = {
  readonly killed: readonly Holder[];
  /** Those that the last look still found: of another user, or stuck in the kernel. */
  readonly left: readonly Holder[];
};

/**
 * Finds who has one of our streams open. A stream is named by what `readlink /proc/PID/fd/N` says: the real
 * path of a named pipe or of a terminal (`/dev/pts/5`), also when the file is deleted by now; `socket:[123]`;
 * `pipe:[123]`. Processes that may not be looked into (other users') are passed over. A look takes from some
 * to some hundred milliseconds and yields in between, so it is no snapshot.
 *
 * @returns `undefined` where nobody can know: only Linux tells, and only with /proc.
 */
export const findHolders = async (
  links: ReadonlySet<string>,
  options: HolderOptions = {},
): Promise<Holder[] | undefined> => {
  const holders: Holder[] = [];
  return (await lookForHolders(links, options, holder => holders.push(holder))) ? holders : undefined;
};

/**
 * Sends SIGKILL to the holders of `links` until a look finds none: a process may fork between the look and
 * the kill. Gives up after some rounds, or when none of those found may be killed. Spares `exclude`, this
 * process and pid 1. Never rejects.
 *
 * @returns `undefined` where {@link findHolders} can't know.
 */
export const killHolders = async (
  links: ReadonlySet<string>,
  options: HolderOptions = {},
): Promise<KilledHolders | undefined> => {
  const exclude = new Set([...(options.exclude ?? []), process.pid, 1]);
  const killed = new Map<number, Holder>();
  let left: Holder[] = [];
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    left = [];
    let killedNow = false;
    // Each is killed when it is found: until the end of the look its pid might become somebody else's.
    const known = await lookForHolders(links, { ...options, exclude }, holder => {
      left.push(holder);
      if (!kill(holder.pid)) return;
      killed.set(holder.pid, holder);
      killedNow = true;
    });
    if (!known) return undefined;
    if (!killedNow) break;
    await delay((round + 1) * ROUND_PAUSE_MS);
  }
  return { killed: [...killed.values()], left };
};

const MAX_ROUNDS = 20;
// What was killed closes its files a moment later, on a busy machine a second.
const ROUND_PAUSE_MS = 5;
const MAX_BLOCKED_MS = 4;
const LINKS_PER_CLOCK = 64;

/** Tells whether there was anything to look at. */
const lookForHolders = async (
  links: ReadonlySet<string>,
  { exclude, platform = process.platform, procRoot = '/proc' }: HolderOptions,
  found: (holder: Holder) => void,
): Promise<boolean> => {
  if (platform !== 'linux') return false;
  const names = list(procRoot);
  if (names === undefined) return false;
  let started = performance.now();
  for (const name of names) {
    if (!isPid(name) || exclude?.has(Number(name))) continue;
    for (const holds of linksOf(`${procRoot}/${name}`, links)) {
      if (holds) {
        found({ pid: Number(name), name: commandName(`${procRoot}/${name}/comm`) });
        break;
      }
      if (performance.now() - started < MAX_BLOCKED_MS) continue;
      await nextTurn();
      started = performance.now();
    }
  }
  return true;
};

/** Goes through a process's descriptors; says `true` for one of `links` and, now and then, `false`. */
function* linksOf(directory: string, links: ReadonlySet<string>): Generator<boolean> {
  let read = 0;
  for (const fd of list(`${directory}/fd`) ?? []) {
    const path = `${directory}/fd/${fd}`;
    const link = readLink(path);
    // The kernel grants all links of a process or none, and each refusal costs as much as many links.
    if (link === 'refused') break;
    const holds = link !== 'closed' && links.has(link) && isSameFile(link, path);
    // It may have come to its program since its link was read.
    if (holds && !isYetToExec(`${directory}/stat`) && readLink(path) === link) yield true;
    read += 1;
    if (read % LINKS_PER_CLOCK === 0) yield false;
  }
  yield false;
}

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

// In a container's mount namespace the same path is another file: each has a /dev/pts/0 of its own, on another device.
const isSameFile = (link: string, descriptor: string): boolean => {
  if (!link.startsWith('/')) return true;
  const held = statOf(descriptor);
  const named = statOf(link);
  if (named !== undefined) return named.dev === held?.dev && named.ino === held.ino;
  const parent = statOf(dirname(link));
  return parent === undefined || held === undefined || parent.dev === held.dev;
};

const statOf = (path: string): Stats | undefined => {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
};

/**
 * Whether it is a child of this process that was forked and doesn't run its program yet, as one on a terminal when its
 * start returns. Until then it has all that we have open ourselves, and nothing of that afterwards.
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

const commandName = (path: string): string => {
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch {
    return '';
  }
};

const kill = (pid: number): boolean => {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
};

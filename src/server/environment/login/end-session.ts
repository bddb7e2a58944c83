import { readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { pollUntil } from '../../../system/deadline.ts';
import { killHolders, signalHolders } from '../../../system/holders.ts';
import { fileId, type PinnedFile } from '../../../system/pinned-file.ts';
import { type ProcessGroups, processGroups } from '../../../system/process-groups.ts';
import { isZombie, readProcess, readProcessTable } from '../../../system/process-table.ts';

/** POSIX session of a shell: its processes except those that created a session of their own. */
export type ShellSession = {
  readonly leader: number;
  /** Start time of the leader, if known. */
  readonly startTime: string | undefined;
  /** True once the exit of the leader was handled; a process with its pid is then another one. */
  readonly hasExited: () => boolean;
  readonly platform: NodeJS.Platform;
  readonly groups: ProcessGroups;
  /** The stdout that it was started with, if known. */
  readonly stdout: PinnedFile | undefined;
};

/** Describes the session of a shell that has just started. */
export const sessionOf = (
  leader: number,
  hasExited: () => boolean,
  platform: NodeJS.Platform,
): ShellSession => ({
  leader,
  startTime: platform === 'linux' ? readProcess(leader)?.startTime : undefined,
  hasExited,
  platform,
  groups: processGroups(platform),
  stdout: stdoutOf(leader),
});

export type EndOptions = {
  readonly graceMs: number;
  /** Leaves the session as it is then. */
  readonly signal?: AbortSignal;
  /**
   * Ends the processes that left the session and hold its stdout, too. Returns true if that was read to the end: no process
   * holds it then, and its inode number may be used again.
   */
  readonly stdoutEnded?: () => boolean;
};

/**
 * Ends a session as a closing terminal and a shutdown do: SIGHUP, a grace period, SIGTERM, another one, SIGKILL. Start-up
 * files can release locks and remove their temporary files in these periods. With both signals together the second one
 * would end a process that handles only the first. Interactive shells ignore SIGTERM.
 */
export const endSession = async (
  session: ShellSession,
  { graceMs, signal, stdoutEnded = () => true }: EndOptions,
): Promise<void> => {
  const isAborted = () => signal?.aborted === true;
  const heldStdout = () => (session.stdout === undefined || stdoutEnded() ? [] : [session.stdout]);
  const isOver = async () => isAborted() || (heldStdout().length === 0 && (await isEmpty(session)));
  // A stopped process acts on a signal only when it runs again.
  await signalAll(session, 'SIGHUP', 'SIGCONT');
  if (await pollUntil(isOver, graceMs, POLL_MS)) return;
  await signalAll(session, 'SIGTERM', 'SIGCONT');
  await signalHolders(heldStdout(), ['SIGTERM']);
  if (await pollUntil(isOver, graceMs, POLL_MS)) return;
  await killGroups(session);
  await killHolders(heldStdout());
};

/** Returns true if no process of the session is left. */
export const isEmpty = async (session: ShellSession): Promise<boolean> =>
  (await groupsLeft(session)).length === 0;

// The exit of a session raises no event: not all of its members are children of this process.
const POLL_MS = 20;
// With growing pauses about a second: on a busy machine a killed process may exit late.
const MAX_ROUNDS = 10;

/** Repeats until a scan finds no group: a member of the session may create another one in the meantime. */
const killGroups = async (session: ShellSession): Promise<void> => {
  for (let round = 0; round < MAX_ROUNDS && (await signalAll(session, 'SIGKILL')); round += 1) {
    await delay((round + 1) * POLL_MS);
  }
};

/** Signals the groups of a session. Returns false if there are none. */
const signalAll = async (session: ShellSession, ...signals: NodeJS.Signals[]): Promise<boolean> => {
  const left = await groupsLeft(session);
  for (const group of left) for (const signal of signals) session.groups.signal(group, signal);
  return left.length > 0;
};

/**
 * Lists the groups of a session, except those of zombies, whose parent may not reap them promptly. tcsh creates a group
 * for each job even without a terminal. Only Linux shows the session of a process; on other systems such jobs survive.
 * The number of a session or group with members is not reused: if a process has the pid of the exited leader, nothing of
 * the session is left.
 */
const groupsLeft = async ({ leader, hasExited, platform, groups }: ShellSession): Promise<number[]> => {
  const table = platform === 'linux' ? await readProcessTable(platform) : undefined;
  if (table === undefined) {
    const isLeft = groups.isAlive(leader) && !(hasExited() && groups.hasLeader(leader));
    return isLeft ? [leader] : [];
  }
  if (hasExited() && table.has(leader)) return [];
  const members = [...table.values()].filter(entry => entry.sid === leader && !isZombie(entry));
  return [...new Set(members.map(({ pgid }) => pgid))];
};

/**
 * Identifies the stdout that a shell was started with: one end of a socket pair or pipe of its own. A start-up file may
 * have replaced it, for example by the null device, which many processes hold. It need not be pinned by a descriptor:
 * until the other end, ours, has ended, some process has it open, and the kernel reuses an inode number of sockets only
 * after four billion others.
 */
const stdoutOf = (leader: number): PinnedFile | undefined => {
  const descriptor = `/proc/${leader}/fd/1`;
  try {
    const path = readlinkSync(descriptor);
    const id = /^(socket|pipe):\[\d+\]$/.test(path) ? fileId(descriptor) : undefined;
    return id && { ...id, path, release: () => {} };
  } catch {
    return undefined;
  }
};

import { readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { pollUntil } from '../../../system/deadline.ts';
import { killHolders } from '../../../system/holders.ts';
import { fileId, type PinnedFile } from '../../../system/pinned-file.ts';
import { type ProcessGroups, processGroups } from '../../../system/process-groups.ts';
import { readProcessTable } from '../../../system/process-table.ts';

/** The session of a shell: every process that it has started and that hasn't made a session of its own. */
export type ShellSession = {
  readonly leader: number;
  /** Whether the end of the leader was handled: then a process with its number is another one. */
  readonly hasExited: () => boolean;
  readonly platform: NodeJS.Platform;
  readonly groups: ProcessGroups;
  /** The stdout that it was started with; `undefined` where that isn't known. */
  readonly stdout: PinnedFile | undefined;
};

/** The session of a shell that has just been started. */
export const sessionOf = (
  leader: number,
  hasExited: () => boolean,
  platform: NodeJS.Platform,
): ShellSession => ({
  leader,
  hasExited,
  platform,
  groups: processGroups(platform),
  stdout: stdoutOf(leader),
});

/** Ends a session as the end of its terminal would: SIGHUP, time to react, SIGKILL. */
export const hangUp = async (session: ShellSession, graceMs: number): Promise<void> => {
  // A stopped process acts on SIGHUP only when it runs again.
  await signalAll(session, 'SIGHUP', 'SIGCONT');
  const isGone = async () => (await groupsLeft(session)).length === 0;
  if (!(await pollUntil(isGone, graceMs, POLL_MS))) await killGroups(session);
};

/**
 * Kills a session, and those that have left it and hold its stdout.
 *
 * @param stdoutEnded whether our end of its stdout was read to its end: then no process holds it, and its inode may be
 *   another one's in time
 */
export const killSession = async (session: ShellSession, stdoutEnded: () => boolean): Promise<void> => {
  await killGroups(session);
  if (session.stdout !== undefined && !stdoutEnded()) await killHolders([session.stdout]);
};

// The end of a session is no event: its members are not all our children.
const POLL_MS = 20;
// With pauses that grow, about a second: what was killed may be slow to go on a busy machine.
const MAX_ROUNDS = 10;

/** Until a look finds nothing: one of the session may have made a new group meanwhile. */
const killGroups = async (session: ShellSession): Promise<void> => {
  for (let round = 0; round < MAX_ROUNDS && (await signalAll(session, 'SIGKILL')); round += 1) {
    await delay((round + 1) * POLL_MS);
  }
};

/** Signals the groups of a session; false if there were none. */
const signalAll = async (session: ShellSession, ...signals: NodeJS.Signals[]): Promise<boolean> => {
  const left = await groupsLeft(session);
  for (const group of left) for (const signal of signals) session.groups.signal(group, signal);
  return left.length > 0;
};

/**
 * The groups of a session that have more than zombies in them, which may have a lazy parent. tcsh gives each
 * job a group of its own even without a terminal. Only Linux shows the session of a process: elsewhere such
 * jobs stay behind. No process gets the number of a session or a group that has members: where one has the number of the
 * leader that has exited, nothing of the session is left.
 */
const groupsLeft = async ({ leader, hasExited, platform, groups }: ShellSession): Promise<number[]> => {
  const table = platform === 'linux' ? await readProcessTable(platform) : undefined;
  if (table === undefined) {
    const isOurs = groups.isAlive(leader) && !(hasExited() && groups.hasLeader(leader));
    return isOurs ? [leader] : [];
  }
  if (hasExited() && table.has(leader)) return [];
  const members = [...table.values()].filter(({ sid, state }) => sid === leader && state !== 'Z');
  return [...new Set(members.map(({ pgid }) => pgid))];
};

/**
 * Its stdout as it was started with: one of a pair that no other process has. Its files may have put something else there
 * by now, such as the null device, which half of the machine holds. A search for it needs no descriptor to pin it: as
 * long as the other of the pair, which is ours, has not ended, some process has it open, and the kernel counts four
 * billion inodes of sockets before it gives a number again.
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

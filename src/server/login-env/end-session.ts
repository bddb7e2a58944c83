import { readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { pollUntil } from '../../system/deadline.ts';
import { killHolders } from '../platform/holders.ts';
import { type ProcessGroups, processGroups } from '../platform/process-groups.ts';
import { readProcessTable } from '../platform/process-table.ts';

/** The session of a shell: every process that it has started and that hasn't made a session of its own. */
export type ShellSession = {
  readonly leader: number;
  readonly platform: NodeJS.Platform;
  readonly groups: ProcessGroups;
  /** What a holder of its stdout has in /proc/PID/fd; `undefined` where that isn't known. */
  readonly stdoutLink: string | undefined;
};

/** The session of a shell that has just been started. */
export const sessionOf = (leader: number, platform: NodeJS.Platform): ShellSession => ({
  leader,
  platform,
  groups: processGroups(platform),
  stdoutLink: streamOf(leader),
});

/** Ends a session as the end of its terminal would: SIGHUP, time to react, SIGKILL. */
export const hangUp = async (session: ShellSession, graceMs: number): Promise<void> => {
  // A stopped process acts on SIGHUP only when it runs again.
  await signalAll(session, 'SIGHUP', 'SIGCONT');
  const isGone = async () => (await groupsLeft(session)).length === 0;
  if (!(await pollUntil(isGone, graceMs, POLL_MS))) await killGroups(session);
};

/** Kills a session, and whoever has left it and holds its stdout. */
export const killSession = async (session: ShellSession): Promise<void> => {
  session.groups.signal(session.leader, 'SIGKILL');
  await killGroups(session);
  if (session.stdoutLink !== undefined) await killHolders(new Set([session.stdoutLink]));
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

/** Tells whether there was anybody to signal. */
const signalAll = async (session: ShellSession, ...signals: NodeJS.Signals[]): Promise<boolean> => {
  const left = await groupsLeft(session);
  for (const group of left) for (const signal of signals) session.groups.signal(group, signal);
  return left.length > 0;
};

/**
 * The groups of a session that have more than zombies in them, which may have a lazy parent. tcsh gives each
 * job a group of its own even without a terminal. Only Linux tells the session of a process: elsewhere such
 * jobs stay behind.
 */
const groupsLeft = async ({ leader, platform, groups }: ShellSession): Promise<number[]> => {
  const table = platform === 'linux' ? await readProcessTable(platform) : undefined;
  if (table === undefined) return groups.isAlive(leader) ? [leader] : [];
  const members = [...table.values()].filter(({ sid, state }) => sid === leader && state !== 'Z');
  return [...new Set(members.map(({ pgid }) => pgid))];
};

/**
 * Its stdout as it was started with: one of a pair that nobody else has. Its files may have put something else there
 * by now, such as the null device, which half of the machine holds.
 */
const streamOf = (leader: number): string | undefined => {
  try {
    const link = readlinkSync(`/proc/${leader}/fd/1`);
    return /^(socket|pipe):\[\d+\]$/.test(link) ? link : undefined;
  } catch {
    return undefined;
  }
};

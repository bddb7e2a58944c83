import { spawn } from 'node:child_process';
import { type GroupMembers, membersOf } from './group-members.ts';

/** A process and its descendants, as far as the platform can reach them by one pid. */
export type ProcessGroups = {
  /** True if a child must be started as the leader of its own group (and session). */
  readonly detached: boolean;
  /** Sends a signal to all of a group; nothing happens where none of it is left. */
  signal(leader: number, signal: NodeJS.Signals): void;
  /** Returns true if a member of the group is left, which may be a zombie. */
  isAlive(leader: number): boolean;
  /** The members of the group, without zombies; absent where they cannot be listed. */
  readonly members?: ((leader: number) => GroupMembers) | undefined;
  /** Returns true if there is a process with the pid of the leader, the leader itself or another one. */
  hasLeader(leader: number): boolean;
};

/** The groups of a platform. */
export const processGroups = (platform: NodeJS.Platform): ProcessGroups => {
  if (platform === 'win32') return windowsGroups();
  return platform === 'linux' ? { ...posixGroups(), members: membersOf } : posixGroups();
};

/** POSIX: a child leads a process group, and a negative pid reaches all of it. */
export const posixGroups = (kill: typeof process.kill = process.kill.bind(process)): ProcessGroups => ({
  detached: true,
  signal: (leader, signal) => {
    try {
      kill(-leader, signal);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  },
  isAlive: leader => {
    try {
      return kill(-leader, 0);
    } catch (error) {
      return !isGone(error);
    }
  },
  hasLeader: leader => isThere(leader, kill),
});

/**
 * Windows has no signals and no groups. A signal that ends a process ends its whole tree, which `taskkill /T` finds by
 * parent pids; other signals (SIGINT, SIGHUP, …) cannot be delivered and are ignored.
 */
export const windowsGroups = (
  run: (program: string, args: readonly string[]) => void = runDetached,
  kill: typeof process.kill = process.kill.bind(process),
): ProcessGroups => ({
  // A detached child would get a console window of its own.
  detached: false,
  signal: (leader, signal) => {
    if (signal === 'SIGTERM' || signal === 'SIGKILL') run('taskkill', ['/PID', String(leader), '/T', '/F']);
  },
  isAlive: leader => isThere(leader, kill),
  hasLeader: leader => isThere(leader, kill),
});

/** Returns true if a process exists, of any user. */
const isThere = (pid: number, kill: typeof process.kill): boolean => {
  try {
    return kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
};

const runDetached = (program: string, args: readonly string[]): void => {
  spawn(program, args, { stdio: 'ignore', windowsHide: true }).on('error', () => {});
};

// macOS answers EPERM for a group whose last members are zombies.
const isGone = (error: unknown): boolean => {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ESRCH' || code === 'EPERM';
};

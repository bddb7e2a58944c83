import { isZombie, type ProcessEntry, readProcess, readProcessTable } from './process-table.ts';

/** The members of a process group that have not ended. */
export type GroupMembers = {
  /**
   * Resolves with false if no member runs: the rest are zombies, whose parent has not reaped them. In a container whose
   * PID 1 reaps no orphans they stay, and a signal to the group still reaches them. True where /proc is not available.
   */
  anyRuns(): Promise<boolean>;
};

/** The members of a group on Linux. One that runs is remembered: only after its end is the process table read again. */
export const membersOf = (leader: number): GroupMembers => {
  let known: ProcessEntry | undefined;
  const search = async (): Promise<boolean> => {
    const running = await runningMembers();
    known = running?.get(leader);
    return running === undefined || known !== undefined;
  };
  return {
    // Searched twice: a member that forks and exits during the scan may hide its child.
    anyRuns: async () => (known !== undefined && isSame(known)) || (await search()) || (await search()),
  };
};

const isSame = ({ pid, pgid, startTime }: ProcessEntry): boolean => {
  const now = readProcess(pid);
  return now !== undefined && now.startTime === startTime && now.pgid === pgid && !isZombie(now);
};

/** One running member of each group. Concurrent callers share a scan; each polls, so that it may have begun before. */
const runningMembers = (): Promise<ReadonlyMap<number, ProcessEntry> | undefined> => {
  scan ??= scanGroups().finally(() => {
    scan = undefined;
  });
  return scan;
};

let scan: ReturnType<typeof scanGroups> | undefined;

const scanGroups = async (): Promise<ReadonlyMap<number, ProcessEntry> | undefined> => {
  const table = await readProcessTable('linux');
  return (
    table &&
    new Map([...table.values()].flatMap(entry => (isZombie(entry) ? [] : [[entry.pgid, entry] as const])))
  );
};

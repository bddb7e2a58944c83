import type { GroupMembers } from '../../../system/group-members.ts';
import type { ProcessGroups } from '../../../system/process-groups.ts';
import type { Child } from '../child.ts';
import type { StopTarget } from './stop-group.ts';

/**
 * The process group that a child leads. The number belongs to it while the child runs or a member is left. After that
 * another process may get the number; it is neither counted as a member nor signalled.
 */
export class ChildGroup implements StopTarget {
  readonly leader: number;
  readonly #groups: ProcessGroups;
  readonly #members: GroupMembers | undefined;
  #state: 'led' | 'leaderless' | 'gone' = 'led';

  constructor(child: Pick<Child, 'pid' | 'sandboxed' | 'onExit'>, groups: ProcessGroups) {
    this.leader = child.pid;
    this.#groups = groups;
    this.#members = groups.members?.(child.pid);
    child.onExit(() => {
      // The rest of a sandbox is killed with it, though its removal may take a moment.
      this.#state = child.sandboxed === undefined ? 'leaderless' : 'gone';
    });
  }

  /** False on Windows, where a group can only be ended. */
  get receivesSignals(): boolean {
    return this.#groups.detached;
  }

  /** True while a process of the group is left, and be it a zombie; needs no system call while the leader runs. */
  get isAlive(): boolean {
    if (this.#state === 'leaderless' && !this.#hasMembers) this.#state = 'gone';
    return this.#state !== 'gone';
  }

  /** Resolves with true when no process of the group runs any more. It then counts as gone, even if zombies are left. */
  async hasEnded(): Promise<boolean> {
    if (!this.isAlive) return true;
    if (this.#state === 'led' || this.#members === undefined || (await this.#members.anyRuns())) return false;
    this.#state = 'gone';
    return true;
  }

  /** Sends signals to the whole group, if any process of it is left. */
  signal(...signals: readonly NodeJS.Signals[]): void {
    if (this.isAlive) for (const signal of signals) this.#groups.signal(this.leader, signal);
  }

  // No process gets the number of the former leader while the group has members.
  get #hasMembers(): boolean {
    return this.#groups.isAlive(this.leader) && !this.#groups.hasLeader(this.leader);
  }
}

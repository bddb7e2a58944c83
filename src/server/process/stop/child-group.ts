import type { ProcessGroups } from '../../../system/process-groups.ts';
import type { Child } from '../child.ts';

/**
 * The process group that a child leads. The number belongs to it while the child runs or a member is left. After that
 * another process may get the number; it is neither counted as a member nor signalled.
 */
export class ChildGroup {
  readonly leader: number;
  readonly #groups: ProcessGroups;
  #state: 'led' | 'leaderless' | 'gone' = 'led';

  constructor(child: Pick<Child, 'pid' | 'sandboxed' | 'onExit'>, groups: ProcessGroups) {
    this.leader = child.pid;
    this.#groups = groups;
    child.onExit(() => {
      // The rest of a sandbox is killed with it, though its removal may take a moment.
      this.#state = child.sandboxed === undefined ? 'leaderless' : 'gone';
    });
  }

  /** True while a process of the group is left; needs no system call while the leader runs. */
  get isAlive(): boolean {
    if (this.#state === 'leaderless' && !this.#hasMembers) this.#state = 'gone';
    return this.#state !== 'gone';
  }

  /** Sends a signal to the whole group, if any process of it is left. */
  signal(signal: NodeJS.Signals): void {
    if (this.isAlive) this.#groups.signal(this.leader, signal);
  }

  // No process gets the number of the former leader while the group has members.
  get #hasMembers(): boolean {
    return this.#groups.isAlive(this.leader) && !this.#groups.hasLeader(this.leader);
  }
}

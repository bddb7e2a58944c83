import type { ProcessGroups } from '../../../system/process-groups.ts';
import type { Child } from '../child.ts';

/**
 * The process group that a child leads. Its number is its own only while the child runs or a member is left: then it
 * may be given to a stranger, who is neither counted nor sent anything.
 */
export class ChildGroup {
  readonly leader: number;
  readonly #groups: ProcessGroups;
  readonly #confined: boolean;
  #state: 'led' | 'left' | 'gone' = 'led';

  constructor(child: Pick<Child, 'pid' | 'confined' | 'onExit'>, groups: ProcessGroups) {
    this.leader = child.pid;
    this.#groups = groups;
    this.#confined = child.confined !== undefined;
    child.onExit(() => {
      // What is left of a sandbox can't run any more, though it may take a while to be cleared away.
      this.#state = this.#confined ? 'gone' : 'left';
    });
  }

  /** Whether anything of it is left. While its leader runs it needn't be looked at to know that. */
  get isAlive(): boolean {
    if (this.#state === 'left' && !this.#isLeft) this.#state = 'gone';
    return this.#state !== 'gone';
  }

  /** Sends a signal to all of it; nothing happens where none of it is left. */
  signal(signal: NodeJS.Signals): void {
    if (this.isAlive) this.#groups.signal(this.leader, signal);
  }

  // As long as the group has members no process gets the number of the leader that has ended.
  get #isLeft(): boolean {
    return this.#groups.isAlive(this.leader) && !this.#groups.hasLeader(this.leader);
  }
}

import { hasHolders, signalHolders } from '../../../system/holders.ts';
import { releaseAll } from '../../../system/pinned-file.ts';
import { signalProcess } from '../../../system/signal-process.ts';
import type { Child } from '../child.ts';
import type { ChildGroup } from './child-group.ts';
import type { StopTarget } from './stop-group.ts';

/**
 * The processes on the terminal of a child: its group, and the processes of other groups that have the terminal open,
 * such as the jobs of an interactive shell.
 */
export class TerminalSession implements StopTarget {
  readonly #child: Pick<Child, 'sandboxed' | 'pinStreams'>;
  readonly #group: ChildGroup;

  constructor(child: Pick<Child, 'sandboxed' | 'pinStreams'>, group: ChildGroup) {
    this.#child = child;
    this.#group = group;
  }

  /**
   * Sends signals to the group and to the other processes on the terminal. Those get no SIGHUP while the group exists:
   * the shell sends it to its jobs, and the system to the foreground group when the shell exits.
   */
  async signal(...signals: readonly NodeJS.Signals[]): Promise<void> {
    const { isAlive, leader } = this.#group;
    this.#group.signal(...signals);
    this.#signalProgram(signals);
    if (isAlive && signals.includes('SIGHUP')) return;
    const terminal = this.#child.pinStreams();
    await signalHolders(terminal, signals, ({ pgid }) => pgid !== leader);
    releaseAll(terminal);
  }

  /** Resolves with true when the group has ended and no other process has the terminal open. */
  async hasEnded(): Promise<boolean> {
    if (!(await this.#group.hasEnded())) return false;
    // Empty after the end of the output, which usually arrives with the end of the group.
    const terminal = this.#child.pinStreams();
    const isHeld = await hasHolders(terminal);
    releaseAll(terminal);
    return !isHeld;
  }

  /** An interactive shell in a sandbox leaves the group, which bubblewrap leads. */
  #signalProgram(signals: readonly NodeJS.Signals[]): void {
    const program = this.#child.sandboxed?.command.program;
    if (program === undefined || program.pgid === this.#group.leader) return;
    for (const signal of signals) signalProcess(program, signal);
  }
}

import { descendantsOf, readProcessTable } from '../../system/process-table.ts';
import { signalExitCode } from '../../system/signal-exit-code.ts';
import { signalPid, signalProcess } from '../../system/signal-process.ts';
import type { Child } from './child.ts';
import type { ChildGroup } from './stop/child-group.ts';

/** Signals to one child: to its group, to the process alone, or to its tree. */
export class ChildSignals {
  readonly #child: Pick<Child, 'pid' | 'sandboxed'>;
  readonly #group: ChildGroup;
  readonly #isRunning: () => boolean;
  /** Those sent to a sandboxed process, whose end by a signal arrives as an exit code. */
  readonly #sent = new Set<NodeJS.Signals>();

  constructor(child: Pick<Child, 'pid' | 'sandboxed'>, group: ChildGroup, isRunning: () => boolean) {
    this.#child = child;
    this.#group = group;
    this.#isRunning = isRunning;
  }

  /** Sends a signal to the process group, which may outlive the process. */
  toGroup(signal: NodeJS.Signals): void {
    this.note(signal);
    this.#group.signal(signal);
  }

  /** Sends a signal to the process alone: in a sandbox to the program, not to bubblewrap. */
  toProcess(signal: NodeJS.Signals): void {
    if (!this.#isRunning()) return;
    this.note(signal);
    const { sandboxed, pid } = this.#child;
    // The pid cannot be reused before the exit is handled here.
    if (sandboxed === undefined) signalPid(pid, signal);
    else if (sandboxed.command.program !== undefined) signalProcess(sandboxed.command.program, signal);
  }

  /** Sends a signal to the process and all its descendants, as a scan of the process table finds them. */
  async toTree(signal: NodeJS.Signals, platform: NodeJS.Platform): Promise<void> {
    if (!this.#isRunning()) return;
    this.note(signal);
    const { pid } = this.#child;
    const table = await readProcessTable(platform);
    // It may have exited during the scan.
    if (!this.#isRunning()) return;
    signalPid(pid, signal);
    for (const descendant of table === undefined ? [] : descendantsOf(pid, table)) {
      const entry = table?.get(descendant);
      if (entry !== undefined) signalProcess(entry, signal, platform);
    }
  }

  /** Records a signal that was sent by other means. */
  note(signal: NodeJS.Signals): void {
    this.#sent.add(signal);
  }

  /**
   * The signal that ended a sandboxed process, by its exit code. bubblewrap exits with 128 + n as any program may, so
   * only signals that were sent from here are considered.
   */
  endedBy(exitCode: number | null): NodeJS.Signals | null {
    if (this.#child.sandboxed === undefined) return null;
    return [...this.#sent].find(signal => signalExitCode(signal) === exitCode) ?? null;
  }
}

import type { ExitReason } from '../../../protocol/process.ts';
import { startTimer, type Timer } from '../../../system/deadline.ts';
import type { Child } from '../child.ts';
import type { ChildSignals } from '../child-signals.ts';
import type { ChildGroup } from './child-group.ts';
import { hangUp, stopGroup } from './stop-group.ts';
import { stopProcess } from './stop-process.ts';
import { TerminalSession } from './terminal-session.ts';

type StoppableChild = Pick<Child, 'sandboxed' | 'pinStreams'> & {
  readonly outputs: Pick<Child['outputs'], 'pty'>;
};

/** Termination of one process, on request or at its timeout. */
export class Termination {
  readonly #child: StoppableChild;
  readonly #group: ChildGroup;
  readonly #signals: ChildSignals;
  readonly #isRunning: () => boolean;
  #timeout: Timer | undefined;
  #reason: ExitReason | undefined;
  #graceMs = Number.POSITIVE_INFINITY;
  #stopped: Promise<void> | undefined;

  constructor(child: StoppableChild, group: ChildGroup, signals: ChildSignals, isRunning: () => boolean) {
    this.#child = child;
    this.#group = group;
    this.#signals = signals;
    this.#isRunning = isRunning;
  }

  /** Reason for the exit, if the process was stopped while it ran. */
  get reason(): ExitReason | undefined {
    return this.#reason;
  }

  /** Resolves when everything that `stop` ends is gone. */
  get stopped(): Promise<void> {
    return this.#stopped ?? Promise.resolve();
  }

  /** Stops the process after `timeoutMs`, unless the timeout is cancelled. */
  startTimeout(timeoutMs: number, graceMs: number): void {
    this.#timeout = startTimer(timeoutMs, async () => {
      // Before a sandboxed program runs, it would miss SIGTERM, and SIGKILL would come without a warning.
      await this.#child.sandboxed?.command.runs();
      if (this.#isRunning()) this.stop('timeout', graceMs);
    });
  }

  cancelTimeout(): void {
    this.#timeout?.cancel();
  }

  /** Ends the process, its group, and the processes that hold its streams. Idempotent. */
  stop(reason: ExitReason, graceMs: number): void {
    if (this.#isRunning()) this.#reason ??= reason;
    // Only a shorter grace has an effect: a shutdown does not wait for a longer one that has begun.
    if (graceMs >= this.#graceMs) return;
    this.#graceMs = graceMs;
    this.#stopped = stopProcess(
      () => this.#stop(graceMs),
      () => this.#child.pinStreams(),
    );
  }

  #stop(graceMs: number): Promise<void> {
    this.#signals.note('SIGTERM');
    if (!this.#child.outputs.pty || !this.#group.receivesSignals) return stopGroup(this.#group, graceMs);
    this.#signals.note('SIGHUP');
    return hangUp(new TerminalSession(this.#child, this.#group), graceMs);
  }
}

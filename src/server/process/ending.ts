import { setImmediate as nextTurn } from 'node:timers/promises';
import { startTimer, type Timer } from '../../system/deadline.ts';
import { deferred } from '../../system/deferred.ts';
import { findHolders, type Holder } from '../../system/holders.ts';
import { type PinnedFile, releaseAll } from '../../system/pinned-file.ts';
import { signalExitCode } from '../../system/signal-exit-code.ts';
import type { Child } from './child.ts';
import { EXITED_WAIT_MS } from './limits.ts';
import type { OutputFlow } from './output/output-flow.ts';

/** Exit of a process; its code is 128 + n after signal n, as in a shell. */
export type Exit = {
  readonly exitCode: number;
  readonly signal: NodeJS.Signals | undefined;
  readonly atMs: number;
};

export type EndingOptions = {
  readonly tty: boolean;
  /** Milliseconds after the exit in which other processes may still write to its streams. */
  readonly drainMs: number;
};

export type EndingEvents = {
  /** The exit is to be reported: the output that the process itself wrote was sent, or takes too long. */
  exited(exit: Exit): void;
  /** Nothing more will be sent. The holders are known if the streams were cut. */
  closed(holders: readonly Holder[] | undefined): void;
};

/** Phase of a process, with the facts known in it. A process only moves down this list. */
type Phase =
  | { readonly name: 'running' }
  /** It has exited; the report waits for the output that it wrote itself. */
  | { readonly name: 'ending'; readonly exit: Exit; readonly wait: Timer }
  /** The exit was reported; another process holds its streams, or the client has yet to read. */
  | { readonly name: 'exited'; readonly exit: Exit }
  | { readonly name: 'closed'; readonly exit: Exit };

/** The end of one process: its exit, the drain of its streams, and the cut of those that others still hold. */
export class Ending {
  readonly #child: Pick<Child, 'pinStreams' | 'cut'>;
  readonly #flow: OutputFlow;
  readonly #options: EndingOptions;
  readonly #events: EndingEvents;
  readonly #closed = deferred<void>();
  #phase: Phase = { name: 'running' };
  #drain: Timer | undefined;
  #holders: readonly Holder[] | undefined;
  #keptTerminal: PinnedFile | undefined;

  constructor(
    child: Pick<Child, 'pinStreams' | 'cut'>,
    flow: OutputFlow,
    options: EndingOptions,
    events: EndingEvents,
  ) {
    this.#child = child;
    this.#flow = flow;
    this.#options = options;
    this.#events = events;
  }

  get state(): 'running' | 'exited' | 'closed' {
    return this.#phase.name === 'ending' ? 'exited' : this.#phase.name;
  }

  get exit(): Exit | undefined {
    return this.#phase.name === 'running' ? undefined : this.#phase.exit;
  }

  /** Resolves when nothing more will be sent. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** The terminal, if it was cut while other processes held it; the caller has to release it. */
  get keptTerminal(): PinnedFile | undefined {
    return this.#keptTerminal;
  }

  /** Records the exit of the process. */
  onExit(code: number | null, signal: NodeJS.Signals | null): void {
    const exit: Exit = {
      exitCode: signal === null ? (code ?? 0) : signalExitCode(signal),
      signal: signal ?? undefined,
      atMs: Date.now(),
    };
    const wait = startTimer(EXITED_WAIT_MS, () => this.#reportExit());
    this.#phase = { name: 'ending', exit, wait };
    if (this.#flow.ended) this.onStreamsEnded();
    else this.#startDrain();
  }

  /** Records that all streams have ended and all output was sent. */
  onStreamsEnded(): void {
    this.#reportExit();
    if (this.#phase.name !== 'exited') return;
    this.#drain?.cancel();
    this.#phase = { name: 'closed', exit: this.#phase.exit };
    this.#events.closed(this.#holders);
    this.#closed.resolve();
  }

  /** Closes our ends of the streams, read or not. Idempotent. */
  abandon(): void {
    this.#drain?.cancel();
    this.#child.cut();
  }

  #reportExit(): void {
    if (this.#phase.name !== 'ending') return;
    const { exit, wait } = this.#phase;
    wait.cancel();
    this.#phase = { name: 'exited', exit };
    this.#events.exited(exit);
  }

  /** Cuts the streams after `drainMs`, not counting time in which output waits for the client. */
  #startDrain(): void {
    const { stalls } = this.#flow;
    this.#drain = startTimer(this.#options.drainMs, () => {
      if (this.#flow.stalled || this.#flow.stalls !== stalls) this.#startDrain();
      else void this.#cut();
    });
  }

  async #cut(): Promise<void> {
    const streams = this.#child.pinStreams();
    const holders = await findHolders(streams, { exclude: new Set([process.pid]) });
    releaseAll(streams);
    // The holders may have closed the streams during the scan or just before it; that end arrives in the next turn.
    await nextTurn();
    if (this.#flow.ended) return;
    this.#holders = holders ?? [];
    if (this.#options.tty && this.#holders.length > 0) [this.#keptTerminal] = this.#child.pinStreams();
    this.#child.cut();
    this.#flow.cut();
  }
}

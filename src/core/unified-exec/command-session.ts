import type { OutputStream } from '../../protocol/process.ts';
import { type Deadline, deadline, settledWithin, type WaitEnd } from '../../system/deadline.ts';
import { deferred } from '../../system/deferred.ts';
import type { ProcessClose, ProcessExit, RemoteProcess } from '../process.ts';
import { CLOSE_WAIT_MS, LONGEST_DRAIN_WAIT_MS, type UnifiedExecLimits } from './limits.ts';
import { type OutputCut, OutputWindow } from './output-window.ts';
import { WholeCharacters } from './whole-characters.ts';

/** The facts about a command that are known from its start. */
export type SessionFacts = {
  readonly environment: string;
  readonly command: string | readonly string[];
  readonly tty: boolean;
  /** True if stdin can be written. */
  readonly stdin: boolean;
  /** Milliseconds after its exit in which others may write to its streams; `undefined` if these are never cut. */
  readonly drainMs: number | undefined;
};

/** The end of a command, or the error after which nothing more can be known. */
export type Outcome = { readonly end: ProcessExit & ProcessClose } | { readonly error: unknown };

/**
 * One command, from the request for its process to the last message about it. Its output is always read, so the process
 * never waits for the caller; the output kept between two results is bounded.
 */
export class CommandSession {
  readonly facts: SessionFacts;
  readonly startedAtMs = Date.now();

  /** Resolves when `outcome` is set. Never rejects. */
  readonly over: Promise<void>;

  readonly #started: Promise<RemoteProcess>;
  readonly #output: OutputWindow;
  readonly #streams = {
    stdout: new WholeCharacters(),
    stderr: new WholeCharacters(),
    pty: new WholeCharacters(),
  } satisfies Record<OutputStream, WholeCharacters>;
  readonly #leftOpen = deferred<void>();
  readonly #backgroundYieldMs: number;
  #outcome: Outcome | undefined;
  #exit: ProcessExit | undefined;
  #exitIsKnown = false;
  #quiet: Deadline | undefined;
  #waiting = 0;

  /** @param started the process; the start may still be pending, and may fail */
  constructor(
    started: Promise<RemoteProcess>,
    facts: SessionFacts,
    { keptBytes, backgroundYieldMs }: Pick<UnifiedExecLimits, 'keptBytes' | 'backgroundYieldMs'>,
  ) {
    this.#started = started;
    this.facts = facts;
    this.#output = new OutputWindow(keptBytes);
    this.#backgroundYieldMs = backgroundYieldMs;
    this.over = this.#follow();
  }

  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** The exit of the process, if others hold its streams. */
  get exit(): ProcessExit | undefined {
    return this.#outcome === undefined ? this.#exit : undefined;
  }

  /** True if it is over, and the caller has its exit and all its output. */
  get isAnswered(): boolean {
    return this.#outcome !== undefined && this.#exitIsKnown && this.#output.isEmpty;
  }

  /** True while a call waits for it. */
  get awaited(): boolean {
    return this.#waiting > 0;
  }

  /**
   * Waits until it is over or `other` settles, at most `ms`. If the process exits and others hold its streams, which are
   * never cut, waits only a moment longer for their first output, unless the caller knows of the exit. If the streams
   * are to be cut, waits for that, if it is soon: the last result saves the caller another call.
   */
  async wait(ms: number, signal?: AbortSignal, other?: Promise<unknown>): Promise<WaitEnd> {
    const { drainMs } = this.facts;
    const awaited: Promise<unknown>[] = [this.over];
    if (other !== undefined) awaited.push(other);
    if (drainMs === undefined && !this.#exitIsKnown) awaited.push(this.#leftOpen.promise);
    const end = await this.#await(Promise.race(awaited), ms, signal);
    if (end !== 'late' || drainMs === undefined || this.#exit === undefined) return end;
    return this.#await(this.over, Math.min(drainMs, LONGEST_DRAIN_WAIT_MS) + CLOSE_WAIT_MS, signal);
  }

  /** Waits until it is over, at most `ms`. */
  async waitUntilOver(ms: number): Promise<void> {
    await this.#await(this.over, ms);
  }

  /** Removes and returns the output since the last call, at most `maxBytes` of it. */
  take(maxBytes: number): OutputCut {
    this.#exitIsKnown = this.#exit !== undefined;
    return this.#output.take(maxBytes);
  }

  /** Writes to stdin. Returns false if the process cannot read it any more. */
  async write(chars: string): Promise<boolean> {
    return (await this.#started).write(chars);
  }

  async closeStdin(): Promise<void> {
    await (await this.#started).closeStdin();
  }

  async interrupt(): Promise<void> {
    await (await this.#started).signal('SIGINT');
  }

  /** Ends the process as soon as it has started; `over` resolves when it has ended. */
  terminate(): void {
    // `outcome` holds the error.
    this.#started.then(process => process.terminate()).catch(() => {});
  }

  async #follow(): Promise<void> {
    try {
      const process = await this.#started;
      process.exit.then(
        exit => this.#onExit(exit),
        () => {},
      );
      for await (const { stream, chunk } of process.output) {
        this.#output.push(this.#streams[stream].push(chunk));
        this.#quiet &&= deadline(this.#backgroundYieldMs);
      }
      for (const stream of Object.values(this.#streams)) this.#output.push(stream.end());
      this.#outcome = { end: { ...(await process.exit), ...(await process.closed) } };
    } catch (error) {
      this.#outcome = { error };
    }
  }

  async #await(promise: Promise<unknown>, ms: number, signal?: AbortSignal): Promise<WaitEnd> {
    this.#waiting += 1;
    try {
      return await settledWithin(promise, ms, signal);
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Waits until no output has arrived for a moment: over a slow connection that of the process itself may follow. */
  async #onExit(exit: ProcessExit): Promise<void> {
    this.#exit = exit;
    this.#quiet = deadline(this.#backgroundYieldMs);
    while ((await settledWithin(this.over, this.#quiet.remainingMs)) === 'late' && !this.#quiet.passed);
    this.#leftOpen.resolve();
  }
}

import type { OutputStream } from '../../protocol/process.ts';
import { settledWithin, type WaitEnd } from '../../system/deadline.ts';
import type { ProcessClose, ProcessExit, RemoteProcess } from '../process.ts';
import { CLOSE_WAIT_MS, DRAIN_MS } from './limits.ts';
import { type OutputCut, OutputWindow } from './output-window.ts';
import { WholeCharacters } from './whole-characters.ts';

/** The facts about a command that are known from its start. */
export type SessionFacts = {
  readonly environment: string;
  readonly command: string | readonly string[];
  readonly tty: boolean;
  /** True if stdin can be written. */
  readonly stdin: boolean;
  readonly drainMs: number;
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
  #outcome: Outcome | undefined;
  #exited = false;
  #waiting = 0;

  /** @param started the process; the start may still be pending, and may fail */
  constructor(started: Promise<RemoteProcess>, facts: SessionFacts, keptBytes: number) {
    this.#started = started;
    this.facts = facts;
    this.#output = new OutputWindow(keptBytes);
    this.over = this.#follow();
  }

  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** True while a call waits for it. */
  get awaited(): boolean {
    return this.#waiting > 0;
  }

  /**
   * Waits until it is over or `other` settles, at most `ms`. If the process has exited by then and others hold its
   * streams, waits until the server cuts them, if that is soon: an exit code saves the caller another call.
   */
  async wait(ms: number, signal?: AbortSignal, other?: Promise<unknown>): Promise<WaitEnd> {
    this.#waiting += 1;
    try {
      const awaited = other === undefined ? this.over : Promise.race([this.over, other]);
      const end = await settledWithin(awaited, ms, signal);
      if (end !== 'late' || !this.#exited) return end;
      const { drainMs } = this.facts;
      return await settledWithin(this.over, Math.min(drainMs, DRAIN_MS) + CLOSE_WAIT_MS, signal);
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Removes and returns the output since the last call, at most `maxBytes` of it. */
  take(maxBytes: number): OutputCut {
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
      const exited = () => {
        this.#exited = true;
      };
      process.exit.then(exited, () => {});
      for await (const { stream, chunk } of process.output) {
        this.#output.push(this.#streams[stream].push(chunk));
      }
      for (const stream of Object.values(this.#streams)) this.#output.push(stream.end());
      this.#outcome = { end: { ...(await process.exit), ...(await process.closed) } };
    } catch (error) {
      this.#outcome = { error };
    }
  }
}

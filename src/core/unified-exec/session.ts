import type { OutputStream } from '../../protocol/process.ts';
import { settledWithin, type WaitEnd } from '../../system/deadline.ts';
import type { ProcessClose, ProcessExit, RemoteProcess } from '../remote-process.ts';
import { CLOSE_WAIT_MS, DRAIN_MS } from './limits.ts';
import { type OutputCut, OutputWindow } from './output-window.ts';
import { WholeCharacters } from './whole-characters.ts';

/** What is known of a command from its start. */
export type SessionFacts = {
  readonly environment: string;
  readonly command: string | readonly string[];
  readonly tty: boolean;
  /** Whether stdin can be written. */
  readonly stdin: boolean;
  readonly drainMs: number;
};

/** How it came out: ended, or nothing more can be known because of an error. */
export type Outcome = { readonly end: ProcessExit & ProcessClose } | { readonly error: unknown };

/**
 * One command, from before its process is started until nothing more comes of it. Its output is read always,
 * so it never waits for whoever asks; what is kept of it meanwhile is bounded.
 */
export class ExecSession {
  readonly facts: SessionFacts;
  readonly startedAtMs = Date.now();

  /** Resolves when `outcome` is there. Never rejects. */
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

  /** @param started the process; it may still be on its way, and fail */
  constructor(started: Promise<RemoteProcess>, facts: SessionFacts, keptBytes: number) {
    this.#started = started;
    this.facts = facts;
    this.#output = new OutputWindow(keptBytes);
    this.over = this.#follow();
  }

  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** Whether somebody waits for it. */
  get awaited(): boolean {
    return this.#waiting > 0;
  }

  /**
   * Waits until it is over or something else has happened, at most `ms`. Where the process has ended by then and
   * others hold its streams, the little longer until the server cuts them, if that is to be soon: an exit code is
   * worth more than another question.
   */
  async wait(ms: number, signal?: AbortSignal, somethingElse?: Promise<unknown>): Promise<WaitEnd> {
    this.#waiting += 1;
    try {
      const awaited = somethingElse === undefined ? this.over : Promise.race([this.over, somethingElse]);
      const end = await settledWithin(awaited, ms, signal);
      if (end !== 'late' || !this.#exited) return end;
      const { drainMs } = this.facts;
      return await settledWithin(this.over, Math.min(drainMs, DRAIN_MS) + CLOSE_WAIT_MS, signal);
    } finally {
      this.#waiting -= 1;
    }
  }

  /** The output since the last time, at most `maxBytes` of it. */
  take(maxBytes: number): OutputCut {
    return this.#output.take(maxBytes);
  }

  /** Writes to stdin; tells whether somebody may read it. */
  async write(chars: string): Promise<boolean> {
    return (await this.#started).write(chars);
  }

  async closeStdin(): Promise<void> {
    await (await this.#started).closeStdin();
  }

  async interrupt(): Promise<void> {
    await (await this.#started).signal('SIGINT');
  }

  /** Ends the process as soon as there is one; `over` tells when it has ended. */
  terminate(): void {
    // What fails here is told by the outcome.
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

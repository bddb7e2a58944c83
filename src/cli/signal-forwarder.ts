import type { RemoteProcess } from '../core/index.ts';
import { startTimer, type Timer } from '../system/deadline.ts';
import type { KeptConnection } from './kept-connection.ts';

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** Time for the server to answer a SIGTERM, SIGHUP or SIGQUIT, in milliseconds. */
const ANSWER_MS = 5000;

/** Time for the server to answer the first of several signals, in milliseconds. */
const REPEATED_ANSWER_MS = 2000;

/**
 * Forwards signals of this program to the command. Before the command has started, a signal ends this program. The first
 * signal of a kind goes to the command, which may handle it; a second one ends the command. After the end of the command
 * a signal has no effect: the exit code is the command's.
 *
 * If the server does not answer, as over a dead link, this program ends the connection: two seconds after the first of
 * several signals, or five seconds after one signal other than SIGINT.
 *
 * A connection that is kept is not ended by silence: it is opened again instead. While it is being opened, the first signal
 * is sent to the command later, and another one ends the connection.
 */
export class SignalForwarder {
  readonly #abort = new AbortController();
  readonly #seen = new Set<NodeJS.Signals>();
  readonly #kept: KeptConnection | undefined;
  readonly #listener = (signal: NodeJS.Signals) => this.#received(signal);
  #child: RemoteProcess | undefined;
  /** The oldest signal that the server has not answered. */
  #unanswered: UnansweredSignal | undefined;

  constructor(kept?: KeptConnection) {
    this.#kept = kept;
    // The signals that were not answered arrive now.
    kept?.onResumed(() => this.#answered());
    for (const signal of FORWARDED) process.on(signal, this.#listener);
  }

  /** Aborts if the connection ends without the server; the reason completes "the connection was …". */
  get aborted(): AbortSignal {
    return this.#abort.signal;
  }

  forwardTo(child: RemoteProcess): void {
    this.#child = child;
  }

  /** Ends the connection without waiting for the server. */
  endConnection(reason: string): void {
    this.#abort.abort(`${reason}${this.#kept?.consequence ?? ''}`);
  }

  #received(signal: NodeJS.Signals): void {
    const repeated = this.#seen.has(signal);
    this.#seen.add(signal);
    const child = this.#child;
    const isReconnecting = this.#kept?.isReconnecting ?? false;
    if (child === undefined) this.endConnection(`aborted by ${signal}`);
    else if (isReconnecting && this.#unanswered !== undefined) this.endConnection(`ended by ${signal}`);
    else {
      if (isReconnecting) this.#kept?.deferred(signal);
      void this.#send(signal, () => (repeated ? child.terminate() : child.signal(signal)));
    }
  }

  async #send(signal: NodeJS.Signals, request: () => Promise<unknown>): Promise<void> {
    const oldest = this.#unanswered;
    if (oldest !== undefined) this.#waitUntil(oldest, REPEATED_ANSWER_MS);
    const sent = oldest ?? { signal, at: performance.now() };
    this.#unanswered = sent;
    if (oldest === undefined && signal !== 'SIGINT') this.#waitUntil(sent, ANSWER_MS);
    await request().catch(() => {
      // The connection is lost; the reader of the output gets the error.
    });
    // An answer to any signal shows that the link works.
    if (this.#unanswered === sent) this.#answered();
  }

  #answered(): void {
    this.#unanswered?.timer?.cancel();
    this.#unanswered = undefined;
  }

  /** Ends the connection, or opens another one, if the server does not answer a signal within a time after it. */
  #waitUntil(sent: UnansweredSignal, answerMs: number): void {
    sent.timer?.cancel();
    const leftMs = Math.max(0, sent.at + answerMs - performance.now());
    sent.timer = startTimer(leftMs, () => {
      const seconds = Math.round((performance.now() - sent.at) / 1000);
      const problem = `no answer to ${sent.signal} for ${seconds} s`;
      if (!this.#kept?.reconnect(problem)) this.endConnection(`ended: ${problem}; the command may still run`);
    });
  }
}

type UnansweredSignal = { readonly signal: NodeJS.Signals; readonly at: number; timer?: Timer };

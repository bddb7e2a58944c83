import type { RemoteProcess } from '../core/index.ts';

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** Time for the server to answer a request to end the command; after it a further signal ends this program. */
const ANSWER_MS = 5000;

/**
 * Forwards signals of this program to the command. Before the command has started, a signal ends this program. The first
 * signal of a kind goes to the command, which may handle it; a second one ends the command; a later one ends this
 * program if the server has not answered. After the end of the command a signal has no effect: the exit code is the
 * command's.
 */
export class SignalForwarder {
  readonly #abort = new AbortController();
  readonly #seen = new Set<NodeJS.Signals>();
  readonly #listener = (signal: NodeJS.Signals) => this.#received(signal);
  #child: RemoteProcess | undefined;
  /** Time of the first unanswered request to end the command. */
  #unansweredSince: number | undefined;

  constructor() {
    for (const signal of FORWARDED) process.on(signal, this.#listener);
  }

  /** Aborts if a signal ends this program; the reason is the name of the signal. */
  get aborted(): AbortSignal {
    return this.#abort.signal;
  }

  forwardTo(child: RemoteProcess): void {
    this.#child = child;
  }

  #received(signal: NodeJS.Signals): void {
    const repeated = this.#seen.has(signal);
    this.#seen.add(signal);
    if (this.#child === undefined || this.#serverIsLate) this.#abort.abort(signal);
    else if (repeated) void this.#terminate(this.#child);
    else this.#child.signal(signal).catch(() => {});
  }

  get #serverIsLate(): boolean {
    return this.#unansweredSince !== undefined && performance.now() - this.#unansweredSince > ANSWER_MS;
  }

  async #terminate(child: RemoteProcess): Promise<void> {
    this.#unansweredSince ??= performance.now();
    try {
      await child.terminate();
    } catch {
      // The connection is lost; the reader of the output gets the error.
    }
    this.#unansweredSince = undefined;
  }
}

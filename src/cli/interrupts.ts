import type { RemoteProcess } from '../core/index.ts';

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** Time that the server has to answer a request to end the command before a further signal ends us, in milliseconds. */
const ANSWER_MS = 5000;

/**
 * Passes our signals on. Before the command has started they end us. The first of a kind goes to the command, which may
 * handle it; a second one ends the command, and a later one ends us where the server has not answered that. A signal
 * after the end of the command changes nothing: the exit code is the command's.
 */
export class Interrupts {
  readonly #giveUp = new AbortController();
  readonly #seen = new Set<NodeJS.Signals>();
  readonly #listener = (signal: NodeJS.Signals) => this.#received(signal);
  #child: RemoteProcess | undefined;
  /** Time of the first request to end the command that is not answered. */
  #unansweredSince: number | undefined;

  constructor() {
    for (const signal of FORWARDED) process.on(signal, this.#listener);
  }

  /** Aborts, with the signal as the reason, when one is to end us. */
  get giveUp(): AbortSignal {
    return this.#giveUp.signal;
  }

  forwardTo(child: RemoteProcess): void {
    this.#child = child;
  }

  #received(signal: NodeJS.Signals): void {
    const repeated = this.#seen.has(signal);
    this.#seen.add(signal);
    if (this.#child === undefined || this.#unanswered) this.#giveUp.abort(signal);
    else if (repeated) void this.#terminate(this.#child);
    else this.#child.signal(signal).catch(() => {});
  }

  get #unanswered(): boolean {
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

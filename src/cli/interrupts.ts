import type { RemoteProcess } from '../core/index.ts';

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/**
 * Hands our signals on. Before the command has started they end us. The first of a kind goes to the
 * command, which may handle it; a second one means that it didn't, and ends the command. One that comes when the
 * command has ended changes nothing: the exit code is the command's.
 */
export class Interrupts {
  readonly #giveUp = new AbortController();
  readonly #seen = new Set<NodeJS.Signals>();
  readonly #listener = (signal: NodeJS.Signals) => this.#received(signal);
  #child: RemoteProcess | undefined;

  constructor() {
    for (const signal of FORWARDED) process.on(signal, this.#listener);
  }

  /** Aborts, with the signal as the reason, when one arrives before the command was started. */
  get beforeStart(): AbortSignal {
    return this.#giveUp.signal;
  }

  forwardTo(child: RemoteProcess): void {
    this.#child = child;
  }

  #received(signal: NodeJS.Signals): void {
    const repeated = this.#seen.has(signal);
    this.#seen.add(signal);
    if (this.#child === undefined) {
      this.#giveUp.abort(signal);
      return;
    }
    const sent = repeated ? this.#child.terminate() : this.#child.signal(signal);
    sent.catch(() => {});
  }
}

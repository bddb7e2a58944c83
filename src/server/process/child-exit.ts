import { constants } from 'node:os';

/** Receives the exit code of a child, or the name of the signal that ended it. */
export type ExitListener = (code: number | null, signal: NodeJS.Signals | null) => void;

/** Exit of a child, reported once to each listener, even if that is added later. */
export class ChildExit {
  readonly #listeners: ExitListener[] = [];
  #exited: Parameters<ExitListener> | undefined;

  get happened(): boolean {
    return this.#exited !== undefined;
  }

  listen(listener: ExitListener): void {
    const exited = this.#exited;
    if (exited === undefined) this.#listeners.push(listener);
    else queueMicrotask(() => listener(...exited));
  }

  /** @param signal the number of the signal that ended the child, 0 if none did */
  settle(exitCode: number, signal: number): void {
    if (signal === 0) this.report(exitCode, null);
    else this.report(null, signalName(signal));
  }

  report(...exited: Parameters<ExitListener>): void {
    this.#exited = exited;
    for (const listener of this.#listeners) listener(...exited);
  }
}

const signalName = (number: number): NodeJS.Signals => {
  const names = Object.keys(constants.signals) as NodeJS.Signals[];
  const name = names.find(candidate => constants.signals[candidate] === number);
  // Real-time signals have no name in Node.
  return name ?? (`SIG${number}` as NodeJS.Signals);
};

import { constants } from 'node:os';
import type { ExitListener } from './pty-child.ts';

/** Exit of a child, reported once to each listener, even if that is added later. */
export class PtyExit {
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

  /** @param signal the number of the signal that exited the child, 0 if none did */
  settle(exitCode: number, signal: number): void {
    this.#exited = signal === 0 ? [exitCode, null] : [null, signalName(signal)];
    for (const listener of this.#listeners) listener(...this.#exited);
  }
}

const signalName = (number: number): NodeJS.Signals => {
  const names = Object.keys(constants.signals) as NodeJS.Signals[];
  const name = names.find(candidate => constants.signals[candidate] === number);
  // Real-time signals have no name in Node.
  return name ?? (`SIG${number}` as NodeJS.Signals);
};

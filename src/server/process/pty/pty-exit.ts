import { constants } from 'node:os';
import type { ExitListener } from './pty.ts';

/** The end of a child, told once to every listener however late it comes. */
export class PtyExit {
  readonly #listeners: ExitListener[] = [];
  #ended: Parameters<ExitListener> | undefined;

  get happened(): boolean {
    return this.#ended !== undefined;
  }

  listen(listener: ExitListener): void {
    const ended = this.#ended;
    if (ended === undefined) this.#listeners.push(listener);
    else queueMicrotask(() => listener(...ended));
  }

  /** @param signal the number of the signal that ended the child, 0 if none did */
  settle(exitCode: number, signal: number): void {
    this.#ended = signal === 0 ? [exitCode, null] : [null, signalName(signal)];
    for (const listener of this.#listeners) listener(...this.#ended);
  }
}

const signalName = (number: number): NodeJS.Signals => {
  const names = Object.keys(constants.signals) as NodeJS.Signals[];
  const name = names.find(candidate => constants.signals[candidate] === number);
  // Real-time signals have no name in Node.
  return name ?? (`SIG${number}` as NodeJS.Signals);
};

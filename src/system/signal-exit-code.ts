import { constants } from 'node:os';

/**
 * Exit code of a shell for a process that a signal has ended: 128 + the signal's number. A real-time signal, which has
 * no name in Node, is named `SIG` and its number.
 */
export const signalExitCode = (signal: NodeJS.Signals): number =>
  128 + (constants.signals[signal] ?? Number(signal.slice('SIG'.length)));

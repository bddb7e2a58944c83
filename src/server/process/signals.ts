import { constants } from 'node:os';
import { invalidParams } from '../../protocol/errors.ts';

/**
 * Reads a signal from the wire: `interrupt`, or a POSIX name with or without `SIG`, in any case.
 *
 * @throws {ExecServerError} `invalidParams` for a name that this platform doesn't have.
 */
export const parseSignal = (name: string): NodeJS.Signals => {
  const upper = name.toUpperCase();
  const signal = upper === 'INTERRUPT' ? 'SIGINT' : upper.startsWith('SIG') ? upper : `SIG${upper}`;
  if (Object.hasOwn(constants.signals, signal)) return signal as NodeJS.Signals;
  throw invalidParams(
    'signal',
    `expected "interrupt" or a POSIX signal name, received ${JSON.stringify(name)}`,
  );
};

/**
 * The exit code that shells give a process ended by a signal: 128 + its number. A real-time signal has no name
 * in Node; it is called `SIG` and its number.
 */
export const signalExitCode = (signal: NodeJS.Signals): number =>
  128 + (constants.signals[signal] ?? Number(signal.slice('SIG'.length)));

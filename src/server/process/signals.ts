import { constants } from 'node:os';
import { invalidParams } from '../../protocol/errors.ts';

/**
 * Parses a signal name: `interrupt`, or a POSIX name with or without `SIG`, in upper or lower case.
 *
 * @throws {ExecServerError} `invalidParams` for a name that this platform does not have
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

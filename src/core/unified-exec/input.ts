import { UnifiedExecError } from './errors.ts';
import type { ExecSession } from './session.ts';

/** What one call types. */
export type Input = { readonly chars: string; readonly closeStdin: boolean };

/** Ctrl-C. */
const INTERRUPT = '\u0003';

/** Ctrl-D, which a terminal turns into the end of input. */
const END_OF_TRANSMISSION = '\u0004';

export const isEmpty = ({ chars, closeStdin }: Input): boolean => chars === '' && !closeStdin;

/**
 * Types into a session.
 *
 * @returns a promise that resolves, with the reason, if it was not taken, and never otherwise
 * @throws {UnifiedExecError} `stdinClosed` for a session that was started without stdin
 */
export const typeInto = (session: ExecSession, input: Input): Promise<unknown> => {
  // Its last answer is on its way; nobody is there to type to.
  if (isEmpty(input) || session.outcome !== undefined) return new Promise(() => {});
  const { tty, stdin } = session.facts;
  const interrupts = !tty && input.chars === INTERRUPT && !input.closeStdin;
  if (!stdin && !interrupts) {
    throw stdinClosed('this session has no stdin: start the command with tty or stdin to type into it');
  }
  const taken = interrupts ? session.interrupt() : write(session, input);
  return new Promise(resolve => taken.catch(resolve));
};

const write = async (session: ExecSession, { chars, closeStdin }: Input): Promise<void> => {
  const ending = closeStdin && session.facts.tty ? END_OF_TRANSMISSION : '';
  // Both are sent at once: the answer to a long write waits until the process has read.
  const [accepted] = await Promise.all([
    chars + ending === '' ? true : session.write(chars + ending),
    closeStdin && !session.facts.tty ? session.closeStdin() : undefined,
  ]);
  if (!accepted) throw stdinClosed('the process has closed its stdin');
};

const stdinClosed = (message: string) => new UnifiedExecError('stdinClosed', message);

import type { CommandSession } from './command-session.ts';
import { UnifiedExecError } from './errors.ts';
import { MAX_TERMINAL_LINE_BYTES } from './limits.ts';

/** The input of one call. */
export type Input = { readonly chars: string; readonly closeStdin: boolean };

/** Ctrl-C. */
const INTERRUPT = '\u0003';

/** Ctrl-D, which a terminal turns into the end of input. */
const END_OF_TRANSMISSION = '\u0004';

export const isEmpty = ({ chars, closeStdin }: Input): boolean => chars === '' && !closeStdin;

/**
 * Returns a warning for the model if a terminal may cut a line of the input; else `undefined`. The mode of the terminal is
 * not known here: a program that edits its line, such as a shell, reads every byte.
 */
export const cutLineWarning = (
  { facts }: Pick<CommandSession, 'facts'>,
  { chars }: Input,
): string | undefined => {
  if (!facts.tty || chars.length * MAX_UNIT_BYTES <= MAX_TERMINAL_LINE_BYTES) return undefined;
  const longest = Math.max(...chars.split(LINE_END).map(line => Buffer.byteLength(line)));
  return longest <= MAX_TERMINAL_LINE_BYTES
    ? undefined
    : `the input has a line of ${longest} bytes; a terminal drops what exceeds ${MAX_TERMINAL_LINE_BYTES} bytes of a line unless the program edits its input: write a file, or start the command with stdin instead of tty`;
};

/** The most bytes that one UTF-16 code unit takes. */
const MAX_UNIT_BYTES = 3;

const LINE_END = /[\n\r]/;

/**
 * Writes input to a session.
 *
 * @returns a promise that resolves with the reason if the input is refused, and never otherwise
 * @throws {UnifiedExecError} `stdinClosed` for a session that was started without stdin
 */
export const writeInput = (session: CommandSession, input: Input): Promise<unknown> => {
  // The process has ended; the caller gets its last result.
  if (isEmpty(input) || session.outcome !== undefined) return new Promise(() => {});
  const { tty, stdin } = session.facts;
  const interrupts = !tty && input.chars === INTERRUPT && !input.closeStdin;
  if (!stdin && !interrupts) {
    throw stdinClosed('this session has no stdin: start the command with tty or stdin to write to it');
  }
  const accepted = interrupts ? session.interrupt() : write(session, input);
  return new Promise(resolve => accepted.catch(resolve));
};

const write = async (session: CommandSession, { chars, closeStdin }: Input): Promise<void> => {
  const ending = closeStdin && session.facts.tty ? END_OF_TRANSMISSION : '';
  // Both are sent without waiting: a long write is answered only when the process has read it.
  const [accepted] = await Promise.all([
    chars + ending === '' ? true : session.write(chars + ending),
    closeStdin && !session.facts.tty ? session.closeStdin() : undefined,
  ]);
  if (!accepted) throw stdinClosed('the process has closed its stdin');
};

const stdinClosed = (message: string) => new UnifiedExecError('stdinClosed', message);

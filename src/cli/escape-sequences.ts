import { Transform } from 'node:stream';
import { InvalidArgumentError } from 'commander';

/** Actions of escape sequences. */
export type EscapeActions = {
  /** Called for the sequence that ends the connection; keys after it are dropped. */
  readonly onEnd: () => void;
  /** Called for the sequence that lists the others. */
  readonly onHelp: () => void;
};

/**
 * Creates a filter of keys that are typed for a command on a terminal, with the escape sequences of ssh. The escape
 * character is recognized at the beginning of a line: followed by `.` it ends the connection, by `?` it lists the
 * sequences, and by itself it is sent once. Other keys are sent with it.
 */
export const escapeFilter = (escapeChar: string, { onEnd, onHelp }: EscapeActions): Transform => {
  const escapeKey = escapeChar.charCodeAt(0);
  let atLineStart = true;
  let escaped = false;
  let ended = false;
  /** Returns the bytes to send for a key. */
  const sentFor = (key: number): readonly number[] => {
    const before = escaped ? [escapeKey] : [];
    if (escaped) {
      escaped = false;
      if (key === END) {
        ended = true;
        onEnd();
      }
      if (key === HELP) onHelp();
      if (key === END || key === HELP) return [];
      if (key === escapeKey) return [key];
    } else if (atLineStart && key === escapeKey) {
      escaped = true;
      return [];
    }
    return [...before, key];
  };
  return new Transform({
    transform: (keys: Buffer, _, callback) => {
      const sent: number[] = [];
      for (const key of ended ? [] : keys) {
        const bytes = sentFor(key);
        if (ended) break;
        sent.push(...bytes);
        if (bytes.length > 0) atLineStart = LINE_ENDS.includes(key);
      }
      callback(null, sent.length === 0 ? undefined : Buffer.from(sent));
    },
    flush: callback => callback(null, escaped ? Buffer.from([escapeKey]) : undefined),
  });
};

/** Lines of the list of escape sequences. */
export const escapeHelp = (escapeChar: string): string[] => {
  const name = nameOf(escapeChar);
  return [
    'Escape sequences, at the beginning of a line:',
    ` ${name}.  end the connection`,
    ` ${name}?  print this list`,
    ` ${name}${name}  send ${name}`,
  ];
};

/**
 * Parses the value of `--escape-char`: an ASCII character, `^` and a letter for a control character, or `none`.
 *
 * @throws {InvalidArgumentError}
 */
export const parseEscapeChar = (text: string): string | undefined => {
  if (text === 'none') return undefined;
  if (/^[!-~]$/.test(text) && !'.?'.includes(text)) return text;
  if (/^\^[A-Za-z[\]\\^_]$/.test(text)) return String.fromCharCode(text.toUpperCase().charCodeAt(1) & 31);
  throw new InvalidArgumentError(
    'Expected an ASCII character other than "." and "?", "^" and a letter, or "none".',
  );
};

const nameOf = (escapeChar: string): string =>
  escapeChar < ' ' ? `^${String.fromCharCode(escapeChar.charCodeAt(0) | 64)}` : escapeChar;

const END = 46; // .
const HELP = 63; // ?
const LINE_ENDS = [10, 13];

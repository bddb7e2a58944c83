import { toUSVString } from 'node:util';

/** The longest command line that is made, in bytes: sshd hands it to a shell as one argument, and Linux takes 128 KiB. */
export const MAX_COMMAND_LINE_BYTES = 100 * 1024;

/**
 * Writes program and arguments as one command line that every shell which an account may have on a Unix host
 * reads as exactly these words: bash, dash and other POSIX shells, zsh, fish, tcsh. Nothing in it is expanded.
 * The shell is replaced by the program.
 *
 * @throws {RangeError} for what no command line can say: no program, a program that begins with `-`, a NUL,
 * text that isn't well-formed, or more than `MAX_COMMAND_LINE_BYTES`
 */
export const quoteArgv = (argv: readonly [string, ...string[]]): string => {
  for (const [at, word] of argv.entries()) refuseUnspeakable(word, `argv[${at}]`);
  if (argv[0] === undefined || argv[0] === '') throw new RangeError('argv[0]: expected a program');
  if (argv[0].startsWith('-')) {
    // `exec` would take it for an option, and csh knows no `--`.
    throw new RangeError('argv[0]: expected a program, received a word that begins with "-"');
  }
  const line = argv.some(word => LINE_BREAK.test(word))
    ? throughSh(argv)
    : `exec ${argv.map(quoted).join(' ')}`;
  const bytes = Buffer.byteLength(line);
  if (bytes > MAX_COMMAND_LINE_BYTES) {
    throw new RangeError(
      `argv: the command line would have ${bytes} bytes, which is over the limit of ${MAX_COMMAND_LINE_BYTES}`,
    );
  }
  return line;
};

const refuseUnspeakable = (word: string, field: string): void => {
  if (word.includes('\0')) throw new RangeError(`${field}: has a NUL character, which no argument can have`);
  if (toUSVString(word) !== word) throw new RangeError(`${field}: is not well-formed Unicode`);
};

const LINE_BREAK = /[\r\n]/;

/** Words that mean themselves in every shell. */
const PLAIN = /^[A-Za-z0-9_./-]+$/;

// Inside single quotes fish takes a backslash for an escape, and csh an exclamation mark for history; behind
// a backslash, outside of quotes, both mean themselves everywhere.
const quoted = (word: string): string =>
  PLAIN.test(word) ? word : `'${word.replace(/['\\!]/g, character => `'\\${character}'`)}'`;

/**
 * csh has no way to quote a line break that others have, too. So a POSIX shell is asked, and what it is asked
 * is written in octal numbers, which stand in single quotes everywhere.
 */
const throughSh = (argv: readonly string[]): string => {
  const line = `exec ${argv.map(posixQuoted).join(' ')}`;
  const octal = Array.from(Buffer.from(line), byte => `\\0${byte.toString(8).padStart(3, '0')}`).join('');
  return `exec /bin/sh -c 'eval "$(printf %b "$0")"' '${octal}'`;
};

const posixQuoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

import { toUSVString } from 'node:util';

/** Maximum length of a command line, in bytes: sshd passes it to a shell as one argument, which Linux limits to 128 KiB. */
export const MAX_COMMAND_LINE_BYTES = 100 * 1024;

/**
 * Quotes a program and its arguments as one command line, which every login shell of a Unix host splits into the same
 * words: bash, dash and other POSIX shells, zsh, fish, tcsh. Nothing in it is expanded. The shell is replaced by the
 * program.
 *
 * @throws {RangeError} for arguments that cannot be quoted: no program, a program that begins with `-`, a NUL, text that
 * is not well-formed, or more than `MAX_COMMAND_LINE_BYTES`
 */
export const quoteArgv = (argv: readonly [string, ...string[]]): string => {
  for (const [at, word] of argv.entries()) assertQuotable(word, `argv[${at}]`);
  if (argv[0] === undefined || argv[0] === '') throw new RangeError('argv[0]: expected a program');
  if (argv[0].startsWith('-')) {
    // `exec` reads it as an option, and csh does not know `--`.
    throw new RangeError('argv[0]: expected a program, received an argument that begins with "-"');
  }
  const line = argv.some(word => LINE_BREAK.test(word))
    ? throughSh(argv)
    : `exec ${argv.map(quoted).join(' ')}`;
  const bytes = Buffer.byteLength(line);
  if (bytes > MAX_COMMAND_LINE_BYTES) {
    throw new RangeError(
      `argv: the command line has ${bytes} bytes, over the limit of ${MAX_COMMAND_LINE_BYTES}`,
    );
  }
  return line;
};

const assertQuotable = (word: string, field: string): void => {
  if (word.includes('\0')) throw new RangeError(`${field}: contains a NUL character`);
  if (toUSVString(word) !== word) throw new RangeError(`${field}: is not well-formed Unicode`);
};

const LINE_BREAK = /[\r\n]/;

/** Words that no shell changes. */
const PLAIN = /^[A-Za-z0-9_./-]+$/;

// In single quotes, a backslash is an escape in fish, and an exclamation mark is history in csh. After a backslash and
// outside of quotes, both are literal in every shell.
const quoted = (word: string): string =>
  PLAIN.test(word) ? word : `'${word.replace(/['\\!]/g, character => `'\\${character}'`)}'`;

/**
 * Quotes line breaks: csh has no syntax for them that other shells have. A POSIX shell reads them from octal escapes,
 * which every shell can quote.
 */
const throughSh = (argv: readonly string[]): string => {
  const line = `exec ${argv.map(posixQuoted).join(' ')}`;
  const octal = Array.from(Buffer.from(line), byte => `\\0${byte.toString(8).padStart(3, '0')}`).join('');
  return `exec /bin/sh -c 'eval "$(printf %b "$0")"' '${octal}'`;
};

const posixQuoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

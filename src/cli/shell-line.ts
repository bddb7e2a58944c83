/** Returns a command as a line that can be pasted into a POSIX shell. */
export const shellLine = (argv: readonly string[]): string =>
  argv.map(word => (PLAIN.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ');

const PLAIN = /^[\w@%+=:,./-]+$/;

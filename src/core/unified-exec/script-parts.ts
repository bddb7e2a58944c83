import { MAX_ARGUMENT_BYTES } from '../../protocol/limits.ts';

/**
 * Splits a script that is too long for one argument of a program, and returns the arguments with which a shell joins the
 * parts and runs them as the script of `-c`: with the same `$0`, no positional parameters, and stdin untouched.
 *
 * @param argv the shell with its options, the last of which is `-c`
 * @returns `undefined` for a shell whose syntax is not known
 */
export const inParts = (
  name: string,
  argv: readonly [string, ...string[]],
  script: string,
): readonly [string, ...string[]] | undefined => {
  const parts = split(script);
  const numbers = parts.map((_, index) => index + 1);
  if (POSIX_SHELLS.test(name))
    return [...argv, `eval "set --;${numbers.map(at => `\${${at}}`).join('')}"`, argv[0], ...parts];
  const words = (suffix: string) => numbers.map(at => `$argv[${at}]${suffix}`).join('');
  switch (name) {
    case 'fish':
      return [...argv, `eval "set argv;${words('')}"`, ...parts];
    case 'csh':
    case 'tcsh':
      return [...argv, `set _script = "${words(':q')}"; set argv = (); eval "$_script:q"`, ...parts];
    default:
      return undefined;
  }
};

const POSIX_SHELLS = /^(?:sh|ash|bash|dash|yash|zsh|[lmo]?ksh(?:93|2020)?)$/;

/** Splits text into parts that fit an argument. No character is divided. */
const split = (text: string): string[] => {
  const bytes = Buffer.from(text);
  const parts: string[] = [];
  for (let from = 0; from < bytes.length; ) {
    let to = Math.min(from + MAX_ARGUMENT_BYTES, bytes.length);
    while (isContinuation(bytes[to])) to -= 1;
    parts.push(bytes.toString('utf8', from, to));
    from = to;
  }
  return parts;
};

/** True for a byte of a UTF-8 character other than its first. */
const isContinuation = (byte = 0): boolean => (byte & 0xc0) === 0x80;

/** A shell of which snapshots can be made. `sh` is any POSIX shell. */
export type ShellKind = 'bash' | 'zsh' | 'sh';

/** A command of a login shell: `bash -lc COMMAND ARG…`. */
export type LoginCommand = {
  readonly kind: ShellKind;
  readonly shell: string;
  readonly command: string;
  /** Arguments after the command: `$0` and the positional parameters. */
  readonly args: readonly string[];
};

/**
 * Recognizes the command of a login shell. `undefined` for other commands and shells: they are run as they are.
 *
 * @param shell the shell as the client names it
 */
export const loginCommandOf = (
  argv: readonly string[],
  { name, path }: { readonly name: string; readonly path: string },
): LoginCommand | undefined => {
  const [program, flag, command, ...args] = argv;
  if (program !== path || flag !== '-lc' || command === undefined || !isKind(name)) return undefined;
  return { kind: name, shell: path, command, args };
};

const isKind = (name: string): name is ShellKind => name === 'bash' || name === 'zsh' || name === 'sh';

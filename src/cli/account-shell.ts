import { type Shell, shellCommand } from '../core/unified-exec/shell-command.ts';

/** Command of `run`: a program and its arguments, a line for the account's shell, or a login shell. */
export type RunCommand =
  | { readonly argv: readonly [string, ...string[]] }
  | { readonly line: string }
  | { readonly loginShell: true };

/**
 * Program and arguments of a command.
 *
 * @param shell the account's shell on the machine of the server
 * @param tty true on a terminal, where the shell reads the files of an interactive shell too, which define aliases
 */
export const argvOf = (command: RunCommand, shell: Shell, tty: boolean): readonly [string, ...string[]] => {
  if ('argv' in command) return command.argv;
  if ('loginShell' in command) return NO_LOGIN_OPTION.has(shell.name) ? [shell.path] : [shell.path, '-l'];
  const [path, ...args] = shellCommand(shell, command.line, true);
  return tty && args[0]?.startsWith('-l') ? [path, '-i', ...args] : [path, ...args];
};

/** Shells of Windows; those of other systems have `-l`. */
const NO_LOGIN_OPTION = new Set(['cmd', 'powershell', 'pwsh']);

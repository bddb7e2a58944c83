import type { ShellKind } from './supported-shell.ts';

/** A script that makes a shell print its state between marks. */
export type StateScript = {
  readonly script: string;
  readonly marks: { readonly begin: Buffer; readonly middle: Buffer; readonly end: Buffer };
};

/**
 * Creates a script that prints the state of a shell between random marks: sections of text, each a name and a value that
 * end with NUL, and after the second mark the output of `env -0`. Aliases and functions of the shell do not change it.
 *
 * @param functions names of functions that a shell may have that cannot print its functions
 * @param descriptor a descriptor that should be closed
 */
export const newStateScript = (
  kind: ShellKind,
  functions: readonly string[],
  descriptor: number,
): StateScript => {
  const name = `EXEC_SERVER_MARK_${crypto.randomUUID().replaceAll('-', '')}`;
  const mark = (number: number) => Buffer.from(`${name}=${number}\0`);
  const printMark = (number: number) => `/usr/bin/env -i ${name}=${number} /usr/bin/env -0`;
  const lines = [
    printMark(1),
    PRINT_STATE[kind](functions),
    printDescriptor(descriptor),
    printMark(2),
    '/usr/bin/env -0',
    printMark(3),
  ];
  return { script: lines.join('\n'), marks: { begin: mark(1), middle: mark(2), end: mark(3) } };
};

const printDescriptor = (descriptor: number): string =>
  `\\command printf '%s\\0' descriptor; if \\command test -e /dev/fd/${descriptor}; then \\command printf open; fi; \\command printf '\\0'`;

/** Prefix of the variables of the script itself. */
export const OWN_PREFIX = '__exec_server_';

// The options come first, before any of them is changed. No loop depends on a builtin, which may be replaced.
const printBash = (): string => String.raw`
\builtin printf '%s\0' shopt; \builtin shopt -p; \builtin printf '\0%s\0' set; \builtin set +o; \builtin printf '\0'
\builtin set +eu
\builtin printf '%s\0' functions; \builtin declare -f; \builtin printf '\0%s\0' attributes; \builtin declare -F
\builtin printf '\0%s\0' aliases; \builtin alias -p; \builtin printf '\0%s\0' traps; \builtin trap -p
\builtin printf '\0%s\0' umask; \builtin umask -p; \builtin printf '\0%s\0' directory; \builtin pwd -P
\builtin printf '\0%s\0' limits; /usr/bin/env -i cat /proc/self/limits
\builtin printf '\0'
\builtin mapfile -t __exec_server_names <<<"$(\builtin compgen -v)"
for __exec_server_name in "${'$'}{__exec_server_names[@]}"; do
\builtin printf 'variable %s\0' "$__exec_server_name"; \builtin declare -p "$__exec_server_name"; \builtin printf '\0'
done
`;

const printZsh = (): string => String.raw`
\builtin printf '%s\0' set; \builtin printf '%s %s\n' "${'$'}{(@kv)options}"; \builtin printf '\0'
\builtin unsetopt errexit errreturn nounset
\builtin printf '%s\0' functions; \builtin typeset -f; \builtin printf '\0%s\0' aliases; \builtin alias -L
\builtin printf '\0%s\0' traps; \builtin trap; \builtin printf '\0%s\0' umask; \builtin umask
\builtin printf '\0%s\0' directory; \builtin pwd -P
\builtin printf '\0%s\0' limits; /usr/bin/env -i cat /proc/self/limits
\builtin printf '\0%s\0' 'variable fpath'; \builtin typeset -p fpath; \builtin printf '\0'
for __exec_server_name __exec_server_type in "${'$'}{(@kv)parameters}"; do
case $__exec_server_type in *special*|*export*|*local*|*hide*|*undefined*) \builtin continue ;; esac
\builtin printf 'variable %s\0' "$__exec_server_name"; \builtin typeset -p "$__exec_server_name"; \builtin printf '\0'
done
`;

// There is no way to list the functions.
const printSh = (functions: readonly string[]): string => String.raw`
\command printf '%s\0' set; \command set +o; \command printf '\0'
\command set +eu
\command printf '%s\0' aliases; \command alias; \command printf '\0%s\0' traps; \command trap
\command printf '\0%s\0' umask; \command umask; \command printf '\0%s\0' directory; \command pwd -P
\command printf '\0%s\0' limits; /usr/bin/env -i cat /proc/self/limits
\command printf '\0%s\0' functions
for __exec_server_name in ${functions.join(' ')}; do
case $(\command -V "$__exec_server_name" 2>/dev/null) in *function*) \command printf '%s\n' "$__exec_server_name" ;; esac
done
\command printf '\0%s\0' variables; \command set; \command printf '\0'
`;

const PRINT_STATE = { bash: printBash, zsh: printZsh, sh: printSh };

/** Flags and description of the help option of the program and its commands. */
export const HELP_OPTION = ['-h, --help', 'print this help'] as const;

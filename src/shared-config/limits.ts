/** Patterns in one `exclude` or `includeOnly` at most. */
export const MAX_PATTERNS = 1_000;

/** Most UTF-16 code units of all patterns in one `exclude` or `includeOnly`. */
export const MAX_PATTERNS_LENGTH = 64 * 1024;

/** Longest pattern, in UTF-16 code units. */
export const MAX_PATTERN_LENGTH = 1_024;

/** Variables in one `set` or one overlay at most. A server's own environment is not limited. */
export const MAX_VARIABLES = 10_000;

/** Most bytes of a variable's name and value: with `=` and NUL, Linux passes no longer string to a program. */
export const MAX_VARIABLE_BYTES = 128 * 1024 - 2;

/** Most UTF-16 code units of all variables in one `set` or one overlay: Linux passes no more to a program. */
export const MAX_VARIABLES_LENGTH = 6 * 1024 * 1024;

/**
 * Most steps of matching names against patterns while a policy is applied, of up to five nanoseconds each. A usual
 * name and a usual pattern take a dozen: a thousand patterns can be matched with some five hundred names.
 */
export const MAX_MATCH_STEPS = 8_000_000;

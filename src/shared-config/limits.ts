/** Patterns in one `exclude` or `includeOnly` at most. */
export const MAX_PATTERNS = 1_000;

/** Longest pattern, in UTF-16 code units. */
export const MAX_PATTERN_LENGTH = 1_024;

/** Variables in one `set` or one overlay at most. A server's own environment is not limited. */
export const MAX_VARIABLES = 10_000;

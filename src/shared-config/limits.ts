/** Most patterns in one `exclude` or `includeOnly`. */
export const MAX_PATTERNS = 1_000;

/** Longest pattern, in UTF-16 code units. */
export const MAX_PATTERN_LENGTH = 1_024;

/** Most variables in one `set` or one overlay. A server's own environment isn't limited. */
export const MAX_VARIABLES = 10_000;

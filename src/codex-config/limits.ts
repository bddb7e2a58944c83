/** Longest configuration file, in bytes as it is read and in UTF-16 code units as text. */
export const MAX_CONFIG_LENGTH = 1024 * 1024;

/** Problems of one file that a message lists; further ones are counted. */
export const MAX_PROBLEMS = 20;

/** Longest id of an environment, in characters. */
export const MAX_ENVIRONMENT_ID_LENGTH = 64;

/** Longest timeout in a configuration file, in seconds: the longest delay of a Node timer. */
export const MAX_TIMEOUT_SECONDS = 2_147_483;

/** Limits of login shells. */

/** Time for a login shell to print its environment, in milliseconds; the embedder can choose another. */
export const LOGIN_SHELL_MS = 10_000;

/** Time for a login shell that has printed its environment to exit by itself, in milliseconds. */
export const LOGIN_SHELL_EXIT_MS = 1000;

/** Time between SIGHUP and SIGTERM, and again until SIGKILL, for the session of a login shell, in milliseconds. */
export const LOGIN_SHELL_GRACE_MS = 1000;

/** Output of a login shell before its environment, in bytes. */
export const MAX_LOGIN_NOISE_BYTES = 1024 * 1024;

/** Environment of a login shell, in bytes. */
export const MAX_LOGIN_ENV_BYTES = 4 * 1024 * 1024;

/** Names of variables that are left out of an environment, in bytes; with more the answer is not used. */
export const MAX_OMITTED_NAME_BYTES = 64 * 1024;

/** Time after which the client is informed that a login shell has not answered, in milliseconds. */
export const LOGIN_SHELL_REPORT_MS = 2000;

/** Processes of start-up files in such a report. */
export const MAX_REPORTED_PROCESSES = 8;

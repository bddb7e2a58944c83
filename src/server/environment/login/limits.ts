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

/** Limits of a connection. */

/** Bytes queued for the client above which no more output is queued, so that an answer waits behind no more. */
export const OUTPUT_HIGH_WATER_BYTES = 128 * 1024;

/** Output that a process with none recently may send ahead of its fair share, in bytes. */
export const HEAD_START_BYTES = 64 * 1024;

/** Answers of one batch together, in bytes: they are held until the last is ready. */
export const MAX_BATCH_ANSWER_BYTES = 16 * 1024 * 1024;

/** Time for which a shutdown waits for the client to read what is queued, in milliseconds. */
export const FLUSH_MS = 1000;

/**
 * Maximum duration of a shutdown before the flush, in milliseconds. Each of its steps has a shorter limit, except for
 * a process that survives SIGKILL. The watchdog continues with what is left.
 */
export const STOP_MS = 30_000;

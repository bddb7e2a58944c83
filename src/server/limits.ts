/** The bounds of what a server holds. */

/** Bytes queued for the client beyond which children's output is no longer read. */
export const OUTPUT_HIGH_WATER_BYTES = 256 * 1024;

/** Bytes queued for the client beyond which its requests are no longer read: it reads no answers. */
export const ANSWER_HIGH_WATER_BYTES = 8 * 1024 * 1024;

/** Bytes queued for one child's stdin beyond which the answer to a write waits. */
export const STDIN_HIGH_WATER_BYTES = 1024 * 1024;

/** Bytes queued for one child's stdin beyond which a write is refused. */
export const MAX_STDIN_QUEUED_BYTES = 64 * 1024 * 1024;

/** How many of the last `writeId`s of one process are remembered. */
export const MAX_WRITE_IDS = 1024;

/** How long `process/exited` waits for the end of streams that somebody else may hold, in milliseconds. */
export const EXITED_WAIT_MS = 50;

/** How long a process group has between SIGTERM and SIGKILL, in milliseconds. */
export const KILL_GRACE_MS = 2000;

/** How long a shutdown waits for the last messages of processes whose groups are gone, in milliseconds. */
export const LAST_MESSAGES_MS = 200;

/** How long a shutdown waits for the client to read what is queued, in milliseconds. */
export const FLUSH_MS = 1000;

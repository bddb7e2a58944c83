/** Limits of the memory that a connection may use; see `memory-budget.ts`. */

/** Default of the memory limit of one connection, in bytes. */
export const MEMORY_BYTES = 192 * 1024 * 1024;

/** Memory of an unanswered request in addition to its params, in bytes. */
export const PENDING_REQUEST_BYTES = 4 * 1024;

/** Length up to which a frame waits for no memory and counts with twice its length, in bytes. */
export const SHORT_FRAME_BYTES = 64 * 1024;

/** Memory of a longer frame while it is parsed, as a multiple of its length: its bytes, its text, its values. */
export const PARSE_FACTOR = 3;

/** The same for a frame that is not ASCII: its text takes twice the memory. */
export const WIDE_PARSE_FACTOR = 5;

/** Memory of its params until it is answered, as a multiple of its length: base64, and the bytes that it stands for. */
export const PARAMS_FACTOR = 1.5;

/** The same for one that isn't ASCII. */
export const WIDE_PARAMS_FACTOR = 3;

/** Bytes queued for the client above which its requests are not read: it does not read the answers. */
export const ANSWER_HIGH_WATER_BYTES = 16 * 1024 * 1024;

/** Minimum of garbage that is collected when memory is short, in bytes: a collection takes time. */
export const MIN_GARBAGE_BYTES = 32 * 1024 * 1024;

/** Minimum of garbage that is collected in an idle server, in bytes. */
export const IDLE_GARBAGE_BYTES = 16 * 1024 * 1024;

/** Idle time after which garbage is collected, in milliseconds. */
export const GARBAGE_IDLE_MS = 3000;

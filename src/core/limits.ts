/** The limits of what a client keeps, and of what it accepts from a server. */

/** Output that is read and not acknowledged at most, in bytes; a quarter of the initial window. */
export const ACKNOWLEDGE_BYTES = 256 * 1024;

/** Output of a new process that a server may send before this client acknowledges it, in bytes; the window can grow. */
export const OUTPUT_WINDOW_BYTES = 4 * ACKNOWLEDGE_BYTES;

/** Unacknowledged output of one process beyond its window at which the connection is closed: one chunk. */
export const UNACKNOWLEDGED_EXCESS_BYTES = 64 * 1024;

/** Growth of a window for each acknowledged byte: with one round trip it becomes five times as large. */
export const WINDOW_GROWTH = 4;

/** Growth of the windows of all processes of a connection, and of files that are read ahead, in bytes. */
export const MAX_WINDOW_GROWTH_BYTES = 64 * 1024 * 1024;

/** Acknowledgements of one process without an answer; a server that reads them answers each of them soon. */
export const MAX_UNANSWERED_ACKNOWLEDGEMENTS = 64;

/** Default of `maxBytes` of `collect` and `readFile`, and of `maxLineBytes`. */
export const MAX_COLLECTED_BYTES = 256 * 1024 * 1024;

/** Blocks of one file that are requested ahead, in any case. */
export const BLOCKS_AHEAD = 8;

/** Blocks of one file that are requested ahead if no more than `MAX_WINDOW_GROWTH_BYTES` are in use. */
export const MAX_BLOCKS_AHEAD = 32;

/**
 * Part of the memory of a server that blocks of stdin and files may fill before they are answered. The server has a third
 * for input, and half for files, whose bytes count one and a half times.
 */
export const SEND_WINDOW_PART = 1 / 4;

/** Memory of a server that does not announce it: its minimum, in bytes. */
export const UNANNOUNCED_MEMORY_BYTES = 32 * 1024 * 1024;

/** Minimum and maximum of all blocks that are under way, in bytes. */
export const MIN_SEND_WINDOW_BYTES = 2 * 1024 * 1024;
export const MAX_SEND_WINDOW_BYTES = 48 * 1024 * 1024;

/** Memory of a block on the server in addition to its bytes. */
export const SEND_OVERHEAD_BYTES = 512;

/** Queued bytes of this side above which no more blocks of stdin and files are sent. */
export const SEND_QUEUE_BYTES = 256 * 1024;

/** Default of `maxUnreadBytes` of a streamed HTTP response. */
export const MAX_UNREAD_BODY_BYTES = 16 * 1024 * 1024;

/** The limits of what a client keeps, and of what it accepts from a server. */

/** Output that is read and not acknowledged at most, in bytes; a quarter of the window. */
export const ACKNOWLEDGE_BYTES = 256 * 1024;

/** Output of one process that a server may have sent and this client has not acknowledged, in bytes. */
export const OUTPUT_WINDOW_BYTES = 4 * ACKNOWLEDGE_BYTES;

/** Unacknowledged output of one process above which the connection is closed: the window and one chunk. */
export const MAX_UNACKNOWLEDGED_BYTES = OUTPUT_WINDOW_BYTES + 64 * 1024;

/** Acknowledgements of one process without an answer; a server that reads them answers each of them soon. */
export const MAX_UNANSWERED_ACKNOWLEDGEMENTS = 64;

/** Default of `maxBytes` of `collect` and `readFile`, and of `maxLineBytes`. */
export const MAX_COLLECTED_BYTES = 256 * 1024 * 1024;

/** Blocks of one file or of one stdin that are sent or requested before the first is answered: it hides the latency. */
export const BLOCKS_UNDER_WAY = 8;

/** Default of `maxUnreadBytes` of a streamed HTTP response. */
export const MAX_UNREAD_BODY_BYTES = 16 * 1024 * 1024;

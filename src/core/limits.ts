/** The bounds of what a client holds, and of what it accepts from a server. */

/** Output that is read and not acknowledged at most, in bytes; a quarter of the window. */
export const ACKNOWLEDGE_BYTES = 256 * 1024;

/** Output of one process that a server may have sent and this client has not acknowledged, in bytes. */
export const OUTPUT_WINDOW_BYTES = 4 * ACKNOWLEDGE_BYTES;

/** Unacknowledged output of one process beyond which the connection is closed: the window, and one chunk more. */
export const MAX_UNACKNOWLEDGED_BYTES = OUTPUT_WINDOW_BYTES + 64 * 1024;

/** Acknowledgements of one process that wait for their answers; a server that reads them answers each of them soon. */
export const MAX_UNANSWERED_ACKNOWLEDGEMENTS = 64;

/** Answers to requests of the server that wait for it to read them, in bytes. */
export const MAX_QUEUED_ANSWER_BYTES = 1024 * 1024;

/** Most bytes that `collect` and `readFile` return, unless the caller chooses another limit. */
export const MAX_COLLECTED_BYTES = 256 * 1024 * 1024;

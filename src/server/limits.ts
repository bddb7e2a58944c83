/** The bounds of what a server holds. Those that a client can run into are announced in `initialize`. */

/** Processes of one connection that are starting, running or not yet closed, unless the embedder decides. */
export const MAX_PROCESSES = 4096;

/** Bytes queued for the client beyond which no more output is queued, so that answers never wait behind more. */
export const OUTPUT_HIGH_WATER_BYTES = 128 * 1024;

/** Bytes queued for the client beyond which its requests are no longer read: it reads no answers. */
export const ANSWER_HIGH_WATER_BYTES = 8 * 1024 * 1024;

/** Output retained per process for `process/read`, in bytes, unless the client asks for another amount. */
export const RETAINED_BYTES = 1024 * 1024;

/** The most that a client can have retained per process, in bytes. */
export const MAX_RETAINED_BYTES = 64 * 1024 * 1024;

/** How long a closed process can still be read, in milliseconds, unless the client asks for another time. */
export const RETAINED_MS = 30_000;

/** The longest that a client can have closed processes kept, in milliseconds. */
export const MAX_RETAINED_MS = 60 * 60 * 1000;

/** Closed processes that can still be read; beyond it the oldest goes first. */
export const MAX_CLOSED_PROCESSES = 256;

/**
 * Output retained of all closed processes together, in bytes; beyond it the oldest process goes first, but
 * never the newest.
 */
export const MAX_CLOSED_BYTES = 16 * 1024 * 1024;

/** What each retained chunk costs beside its bytes. */
export const CHUNK_OVERHEAD_BYTES = 128;

/** Head and tail of the output together with `output: "headTail"`, in bytes, unless the start says otherwise. */
export const HEAD_TAIL_BYTES = 1024 * 1024;

/** Output in one answer to `process/read`, in bytes; base64 makes a third more of it, within a frame. */
export const MAX_READ_BYTES = 16 * 1024 * 1024;

/** Calls of `process/read` that wait on one process. */
export const MAX_WAITING_READS = 64;

/** Bytes queued for one child's stdin beyond which the answer to a write waits. */
export const STDIN_HIGH_WATER_BYTES = 1024 * 1024;

/** Bytes queued for one child's stdin beyond which a write is refused. */
export const MAX_STDIN_QUEUED_BYTES = 64 * 1024 * 1024;

/** How many of the last `writeId`s of one process are remembered. */
export const MAX_WRITE_IDS = 1024;

/** How long `process/exited` waits for the end of streams that somebody else may hold, in milliseconds. */
export const EXITED_WAIT_MS = 50;

/** HTTP requests of one connection that go on at once. */
export const MAX_HTTP_REQUESTS = 64;

/** The body of an HTTP response that isn't streamed, in bytes; base64 makes a third more of it, within a frame. */
export const MAX_HTTP_BODY_BYTES = 32 * 1024 * 1024;

/** How many redirects of an HTTP request are followed. */
export const MAX_HTTP_REDIRECTS = 10;

/** How long after the exit others may still write to a process's streams, in milliseconds. */
export const DRAIN_MS = 2000;

/** How long a process group has between SIGTERM and SIGKILL, in milliseconds. */
export const KILL_GRACE_MS = 2000;

/** The longest grace between SIGTERM and SIGKILL when the connection ends, in milliseconds. */
export const SHUTDOWN_GRACE_MS = 1000;

/** How long a shutdown waits for the last messages of processes whose groups are gone, in milliseconds. */
export const LAST_MESSAGES_MS = 1000;

/** How long a shutdown waits for the client to read what is queued, in milliseconds. */
export const FLUSH_MS = 1000;

/** The bounds that a client can run into, as `initialize` tells them; some are the embedder's choice. */
export const announcedLimits = (chosen: { readonly frameBytes: number; readonly processes: number }) => ({
  ...chosen,
  retainedBytes: MAX_RETAINED_BYTES,
  retainedMs: MAX_RETAINED_MS,
  waitingReads: MAX_WAITING_READS,
  stdinQueuedBytes: MAX_STDIN_QUEUED_BYTES,
  httpRequests: MAX_HTTP_REQUESTS,
  httpBodyBytes: MAX_HTTP_BODY_BYTES,
});

/** Limits of processes, their input and their output. */

/** Processes that are starting, running or not yet closed; the embedder can choose another number. */
export const MAX_PROCESSES = 4096;

/** Directories of `PATH` in which the program of a child is searched; each costs a system call. */
export const MAX_PATH_DIRECTORIES = 1024;

/** Repetitions of a start whose file is open for writing, after 1, 2, 4 … ms: half a second in all. */
export const BUSY_RETRIES = 9;

/** Garbage that a closed process leaves, in bytes: its objects and its output buffers. */
export const CLOSED_PROCESS_GARBAGE_BYTES = 128 * 1024;

/** Output retained per process for `process/read`, in bytes, unless the client asks for another amount. */
export const RETAINED_BYTES = 1024 * 1024;

/** Maximum of `retainedBytes` that a client can ask for. */
export const MAX_RETAINED_BYTES = 64 * 1024 * 1024;

/** Time for which a closed process can be read, in milliseconds, unless the client asks for another. */
export const RETAINED_MS = 30_000;

/** Maximum of `retainedMs` that a client can ask for. */
export const MAX_RETAINED_MS = 60 * 60 * 1000;

/** Closed processes that can still be read; beyond it the oldest is forgotten. */
export const MAX_CLOSED_PROCESSES = 256;

/** Retained output of all closed processes, in bytes; beyond it the oldest is forgotten, but never the newest. */
export const MAX_CLOSED_BYTES = 16 * 1024 * 1024;

/** Output chunks retained per process, whatever their size; beyond it the oldest chunk is dropped. */
export const MAX_RETAINED_CHUNKS = 50_000;

/** Memory of each retained chunk in addition to its bytes. */
export const CHUNK_OVERHEAD_BYTES = 128;

/** Head and tail of the output together with `output: "headTail"`, in bytes, unless the start says otherwise. */
export const HEAD_TAIL_BYTES = 1024 * 1024;

/** Output in one answer to `process/read`, in bytes. */
export const MAX_READ_BYTES = 4 * 1024 * 1024;

/** Chunks in one answer to `process/read`: the number of JSON values in a message is limited. */
export const MAX_READ_CHUNKS = 50_000;

/** Concurrent `process/read` calls that wait for one process. */
export const MAX_WAITING_READS = 64;

/** Concurrent `process/read` calls that wait, for all processes together. */
export const MAX_ALL_WAITING_READS = 4096;

/** Memory of one process in an answer to `process/list`, in bytes. */
export const LISTED_PROCESS_BYTES = 8 * 1024;

/** Length of `argv[0]` in `process/list`, in UTF-16 code units; the rest is cut off. */
export const MAX_LISTED_ARGV0_LENGTH = 1024;

/** Bytes queued for one child's stdin above which the answer to a write waits. */
export const STDIN_HIGH_WATER_BYTES = 1024 * 1024;

/** Bytes queued for one child's stdin above which a write is refused. */
export const MAX_STDIN_QUEUED_BYTES = 64 * 1024 * 1024;

/** Memory of each queued write in addition to its bytes. */
export const STDIN_WRITE_OVERHEAD_BYTES = 512;

/** Latest `writeId`s remembered per process. */
export const MAX_WRITE_IDS = 4096;

/** Remembered `writeId`s of all processes, in bytes. */
export const MAX_WRITE_ID_BYTES = 8 * 1024 * 1024;

/** Memory of each `writeId` in addition to its text, in bytes. */
export const WRITE_ID_OVERHEAD_BYTES = 128;

/** Time for which `process/exited` waits for streams that other processes may hold open, in milliseconds. */
export const EXITED_WAIT_MS = 50;

/** Time after the exit for which output of other processes on the same streams is read, in milliseconds. */
export const DRAIN_MS = 2000;

/** Time between SIGTERM and SIGKILL for a process group, in milliseconds. */
export const KILL_GRACE_MS = 2000;

/** Maximum time between SIGHUP and SIGTERM on a terminal, in milliseconds; it counts towards the grace. */
export const HANG_UP_MS = 500;

/** Maximum time between SIGTERM and SIGKILL when the connection ends, in milliseconds. */
export const SHUTDOWN_GRACE_MS = 1000;

/** Time for which a shutdown waits for the last messages of processes whose groups are gone, in milliseconds. */
export const LAST_MESSAGES_MS = 1000;

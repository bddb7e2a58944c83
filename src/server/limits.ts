import { MAX_BLOCK_BYTES } from '../protocol/limits.ts';
import { MAX_MATCH_STEPS } from '../shared-config/index.ts';

/** The bounds of what a server holds. Those that a client can run into are announced in `initialize`. */

/** Processes of one connection that are starting, running or not yet closed, unless the embedder decides. */
export const MAX_PROCESSES = 4096;

/** Directories on the way to one place of a sandbox. */
export const MAX_SANDBOX_DEPTH = 128;

/** Directories on the way to all places of a sandbox: each is looked up. */
export const MAX_SANDBOX_DIRECTORIES = 8192;

/** Directories in the `PATH` of a child in which its program is looked up: each costs a call of the system. */
export const MAX_PATH_DIRECTORIES = 1024;

/** Bytes queued for the client beyond which no more output is queued, so that answers never wait behind more. */
export const OUTPUT_HIGH_WATER_BYTES = 128 * 1024;

/** How much output a process that was quiet may send before it waits for its turn like the others, in bytes. */
export const HEAD_START_BYTES = 64 * 1024;

/** What one connection may hold in memory, in bytes, unless it is told otherwise; see `memory-budget.ts`. */
export const MEMORY_BYTES = 192 * 1024 * 1024;

/** The least that can be chosen for it. */
export const MIN_MEMORY_BYTES = 32 * 1024 * 1024;

/** What a request that isn't answered yet takes besides its params, in bytes. */
export const PENDING_REQUEST_BYTES = 4 * 1024;

/** The answers of one batch together, in bytes: they are held until the last is there. */
export const MAX_BATCH_ANSWER_BYTES = 16 * 1024 * 1024;

/** Longest frame that counts only with a fixed cost and its length; it waits for no other memory, in bytes. */
export const SHORT_FRAME_BYTES = 64 * 1024;

/** What a longer frame takes while it is parsed, as a multiple of its length: itself, its text, its values. */
export const PARSE_FACTOR = 3;

/** The same for one that isn't ASCII, whose text takes twice the memory. */
export const WIDE_PARSE_FACTOR = 5;

/** Garbage is collected before new memory is taken only if it is more than this, in bytes: a collection takes time. */
export const MIN_GARBAGE_BYTES = 32 * 1024 * 1024;

/** Garbage that is worth a collection in an idle server, in bytes. */
export const IDLE_GARBAGE_BYTES = 16 * 1024 * 1024;

/** How long a server is idle before its garbage is collected, in milliseconds. */
export const GARBAGE_IDLE_MS = 3000;

/** What is left of a process when it is closed, in bytes: its objects, and what carried its output. */
export const CLOSED_PROCESS_GARBAGE_BYTES = 128 * 1024;

/** Bytes queued for the client beyond which its requests are no longer read: it reads no answers. */
export const ANSWER_HIGH_WATER_BYTES = 16 * 1024 * 1024;

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

/** Chunks of output retained per process; beyond it the oldest goes, however few bytes they are. */
export const MAX_RETAINED_CHUNKS = 50_000;

/** What each retained chunk costs beside its bytes. */
export const CHUNK_OVERHEAD_BYTES = 128;

/** Head and tail of the output together with `output: "headTail"`, in bytes, unless the start says otherwise. */
export const HEAD_TAIL_BYTES = 1024 * 1024;

/** The answer to `environment/explain`, in bytes; beyond it the request is refused. */
export const MAX_EXPLANATION_BYTES = 4 * 1024 * 1024;

/** How often an explanation is in memory until it is queued: its entries, as JSON, as the text and bytes of a frame. */
export const EXPLANATION_FORMS = 4;

/** What reading files of settings may take, in bytes. */
export const CONFIG_MEMORY_BYTES = 4 * 1024 * 1024;

/** Output in one answer to `process/read`, in bytes. */
export const MAX_READ_BYTES = 4 * 1024 * 1024;

/** Chunks in one answer to `process/read`; a message has only so many values. */
export const MAX_READ_CHUNKS = 50_000;

/** Calls of `process/read` that wait on one process. */
export const MAX_WAITING_READS = 64;

/** What one process takes in the answer to `process/list` while that is made, in bytes. */
export const LISTED_PROCESS_BYTES = 8 * 1024;

/** What of a program's name `process/list` tells, in UTF-16 code units. */
export const MAX_LISTED_ARGV0_LENGTH = 1024;

/** Calls of `process/read` that wait on all processes of a connection together. */
export const MAX_ALL_WAITING_READS = 4096;

/** Bytes queued for one child's stdin beyond which the answer to a write waits. */
export const STDIN_HIGH_WATER_BYTES = 1024 * 1024;

/** Bytes queued for one child's stdin beyond which a write is refused. */
export const MAX_STDIN_QUEUED_BYTES = 64 * 1024 * 1024;

/** How many of the last `writeId`s of one process are remembered. */
export const MAX_WRITE_IDS = 4096;

/** What the remembered `writeId`s of all processes may take together, in bytes. */
export const MAX_WRITE_ID_BYTES = 8 * 1024 * 1024;

/** What each of them takes besides its text, in bytes. */
export const WRITE_ID_OVERHEAD_BYTES = 128;

/** What each write that waits for a process takes besides its bytes. */
export const STDIN_WRITE_OVERHEAD_BYTES = 512;

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

/** How long a login shell may take to print its environment, in milliseconds, unless the embedder decides. */
export const LOGIN_SHELL_MS = 10_000;

/** How long a login shell that has printed its environment may take to end by itself, in milliseconds. */
export const LOGIN_SHELL_EXIT_MS = 1000;

/** How long what a login shell leaves in its session has between SIGHUP and SIGKILL, in milliseconds. */
export const LOGIN_SHELL_GRACE_MS = 1000;

/** What a login shell may print before its environment, in bytes. */
export const MAX_LOGIN_NOISE_BYTES = 1024 * 1024;

/** The largest environment that is taken from a login shell, in bytes. */
export const MAX_LOGIN_ENV_BYTES = 4 * 1024 * 1024;

/** Files that a connection holds open; opening another one is refused. */
export const MAX_OPEN_FILES = 128;

/** File requests that hold a descriptor while they are done; the next ones wait. */
export const MAX_FILE_TURNS = 64;

/** Directories and trees that are listed concurrently; the next ones wait. */
export const MAX_CONCURRENT_LISTINGS = 16;

/** What an answer with part of a file counts at least in memory, in bytes. */
export const MIN_FILE_ANSWER_BYTES = 4 * 1024;

/** How often a listing is in memory until it is queued: its entries, as JSON, as the text and the bytes of a frame. */
export const LISTING_FORMS = 4;

/** What a name of a directory takes that is listed, in bytes, with what comes with it. */
export const LISTED_NAME_BYTES = 384;

/** The entries of one directory; a longer one is refused, by `fs/walk` cut short. */
export const MAX_DIRECTORY_ENTRIES = 50_000;

/** The answer that lists a directory or a tree, in bytes; beyond it a directory is refused, a tree cut short. */
export const MAX_LISTING_BYTES = 16 * 1024 * 1024;

/** What could not be read in one `fs/walk`; beyond it only `truncated` is told. */
export const MAX_WALK_ERRORS = 1000;

/** Special files that one `fs/copy` names as passed over. */
export const MAX_SKIPPED_FILES = 1000;

/** File requests that wait for earlier ones about the same path. */
export const MAX_WAITING_FILE_REQUESTS = 4096;

/** Paths in one `fs/watchMissing`; with more, nothing is watched. */
export const MAX_WATCHED_PATHS = 64;

/** How often a watch looks itself, in milliseconds, since not every file system tells what happens. */
export const MISSING_RECHECK_MS = 5000;

/**
 * How long a shutdown waits for file requests that were made before, in milliseconds, and then again for those that
 * it has cut short.
 */
export const FILE_SHUTDOWN_MS = 1000;

/** The longest configuration file of Codex that is read, in bytes: parsing takes half a millisecond for each KiB. */
export const MAX_CONFIG_BYTES = 96 * 1024;

/**
 * How long the end of a connection may take, in milliseconds, before it is over whatever is left: each of its steps has
 * a shorter bound, but for a process that not even SIGKILL ends. What is left is the watchdog's then.
 */
export const STOP_MS = 30_000;

/** How long the program may take to exit once its processes are gone, in milliseconds, before the watchdog kills it. */
export const EXIT_MS = 15_000;

/** How long a trial of a sandbox may take, in milliseconds; then it has failed. */
export const SANDBOX_PROBE_MS = 10_000;

/** How long the answer to a confined start waits for its program to run, in milliseconds. */
export const SANDBOX_READY_MS = 2000;

/** Sandboxes that file requests of a connection are done in at the same time. */
export const MAX_FILE_SANDBOXES = 4;

/** Places that the entries of one sandbox name. Each is looked up and held open while the sandbox is made. */
export const MAX_SANDBOX_PLACES = 256;

/** The longest file that is read at once, in bytes: as base64 it must fit a frame, with what is around it. */
export const maxReadFileBytes = (frameBytes: number): number =>
  Math.max(0, Math.floor((frameBytes - 4096) / 4) * 3);

/** The bounds that a client can run into, as `initialize` tells them; some are the embedder's choice. */
export const announcedLimits = (chosen: {
  readonly frameBytes: number;
  readonly processes: number;
  readonly memoryBytes: number;
}) => ({
  ...chosen,
  retainedBytes: MAX_RETAINED_BYTES,
  retainedMs: MAX_RETAINED_MS,
  waitingReads: MAX_WAITING_READS,
  stdinQueuedBytes: MAX_STDIN_QUEUED_BYTES,
  explanationBytes: MAX_EXPLANATION_BYTES,
  openFiles: MAX_OPEN_FILES,
  waitingFileRequests: MAX_WAITING_FILE_REQUESTS,
  matchSteps: MAX_MATCH_STEPS,
  pathDirectories: MAX_PATH_DIRECTORIES,
  sandboxDepth: MAX_SANDBOX_DEPTH,
  sandboxDirectories: MAX_SANDBOX_DIRECTORIES,
  fileSandboxes: MAX_FILE_SANDBOXES,
  sandboxPlaces: MAX_SANDBOX_PLACES,
  blockBytes: MAX_BLOCK_BYTES,
  readFileBytes: maxReadFileBytes(chosen.frameBytes),
  directoryEntries: MAX_DIRECTORY_ENTRIES,
  listingBytes: MAX_LISTING_BYTES,
  httpRequests: MAX_HTTP_REQUESTS,
  httpBodyBytes: MAX_HTTP_BODY_BYTES,
});

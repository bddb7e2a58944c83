/**
 * Limits of messages. A peer that exceeds one gets an error with the limit and the actual number; see
 * `docs/protocol.md`.
 */

/** Default of the longest body of a frame that a reader accepts, in bytes. */
export const MAX_FRAME_BYTES = 64 * 1024 * 1024;

/** Longest header of a frame, with all its lines, in bytes. */
export const MAX_HEADER_BYTES = 8 * 1024;

/** Longest announced body that is skipped by its length; a larger length is considered wrong. */
export const MAX_SKIPPED_BODY_BYTES = 1024 * 1024 * 1024;

/** Bytes that a reader skips in search of the next header before the stream is lost. */
export const MAX_RESYNC_BYTES = 1024 * 1024;

/** Bytes that may precede the first frame of a server, such as output of a login shell. */
export const MAX_START_UP_OUTPUT_BYTES = 1024 * 1024;

/** Longest body of the first frame of a server, the answer to `initialize`. */
export const MAX_FIRST_FRAME_BYTES = 1024 * 1024;

/** Deepest nesting of arrays and objects in one message. */
export const MAX_NESTING = 64;

/**
 * Values in one message: the entries of its arrays and objects; an empty one counts as if it had one. The limit of
 * Codex's client.
 */
export const MAX_FRAME_VALUES = 262_144;

/** Time that frames may wait for memory after the end of the stream, in milliseconds. */
export const END_WAIT_MS = 1000;

/** Most paths of keys in one `environmentConfig/read`. */
export const MAX_CONFIG_PATHS = 256;

/** Most messages in one batch. */
export const MAX_BATCH = 128;

/** Messages that are read but not yet dispatched; beyond it a reader stops reading. */
export const MAX_UNDISPATCHED_MESSAGES = 1024;

/** Bytes of messages that are read but not dispatched; beyond it a reader stops reading. */
export const MAX_UNDISPATCHED_BYTES = 1024 * 1024;

/** Longest id that a client chooses (`id`, `processId`, `writeId`, `requestId`), in bytes. */
export const MAX_ID_BYTES = 4096;

/** Longest scope id of shell snapshots, in bytes. */
export const MAX_SCOPE_ID_BYTES = 256;

/** Longest `handleId`, in bytes. */
export const MAX_HANDLE_ID_BYTES = 32;

/** Longest path and name of a program, in UTF-16 code units; the limit of the system may be lower. */
export const MAX_PATH_LENGTH = 16 * 1024;

/** Most entries in one `sandbox`. */
export const MAX_SANDBOX_ENTRIES = 512;

/** Most `workspaceRoots` of one `sandbox`. */
export const MAX_WORKSPACE_ROOTS = 512;

/** Longest URL of an HTTP request, in UTF-16 code units. */
export const MAX_URL_LENGTH = 64 * 1024;

/** Most header fields of an HTTP request. */
export const MAX_HTTP_HEADERS = 1000;

/** Most UTF-16 code units of all header fields of an HTTP request. */
export const MAX_HTTP_HEADERS_LENGTH = 256 * 1024;

/** Most keys in the path of one value of a configuration file. */
export const MAX_CONFIG_KEYS = 64;

/** Longest argument of a program, in bytes: the limit of Linux (MAX_ARG_STRLEN, with NUL). */
export const MAX_ARGUMENT_BYTES = 128 * 1024 - 1;

/** Most arguments of a program. */
export const MAX_ARGUMENTS = 65_536;

/** Most UTF-16 code units of all arguments of a program: the limit of Linux. */
export const MAX_ARGUMENTS_LENGTH = 6 * 1024 * 1024;

/** The smallest `outputWindowBytes`: one read from a child must fit. */
export const MIN_OUTPUT_WINDOW_BYTES = 64 * 1024;

/** The largest `windowBytes` of `process/acknowledge`. */
export const MAX_OUTPUT_WINDOW_BYTES = 32 * 1024 * 1024;

/** Largest `maxOutputBytes`: head and tail of the output of a process together, in bytes. */
export const MAX_HEAD_TAIL_BYTES = 64 * 1024 * 1024;

/** Most names in one `environment/explain`. */
export const MAX_EXPLAINED_NAMES = 1_000;

/** Longest block of `fs/readBlock` and `fs/writeBlock`, in bytes. */
export const MAX_BLOCK_BYTES = 1024 * 1024;

/** Most levels of directories that one `fs/walk` enters. */
export const MAX_WALK_DEPTH = 64;

/** Most directories that one `fs/walk` enters. */
export const MAX_WALK_DIRECTORIES = 10_000;

/** Most names that one `fs/walk` visits. */
export const MAX_WALK_ENTRIES = 50_000;

/** Minimum of the memory limit of a connection, in bytes. */
export const MIN_MEMORY_BYTES = 32 * 1024 * 1024;

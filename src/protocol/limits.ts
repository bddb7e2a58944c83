/**
 * The bounds of what goes over the wire. A peer that crosses one gets an error that names the limit and
 * what came; see `docs/protocol.md`.
 */

/** Longest frame body in bytes that a reader takes, unless it is given another limit. */
export const MAX_FRAME_BYTES = 64 * 1024 * 1024;

/** Longest header block in bytes, all its lines together. */
export const MAX_HEADER_BYTES = 8 * 1024;

/** Longest announced body that is skipped by its length; a longer one is taken for a wrong number. */
export const MAX_SKIPPED_BODY_BYTES = 1024 * 1024 * 1024;

/** Bytes that a reader skips in search of the next header before it gives the stream up. */
export const MAX_RESYNC_BYTES = 1024 * 1024;

/** Bytes that may come before the first frame of a server, such as what a login shell prints. */
export const MAX_START_UP_OUTPUT_BYTES = 1024 * 1024;

/** Longest body of the first frame of a server, the answer to `initialize`. */
export const MAX_FIRST_FRAME_BYTES = 1024 * 1024;

/** Deepest nesting of arrays and objects in one message. */
export const MAX_NESTING = 64;

/**
 * Values in one message, as many as Codex's own client takes: the entries of its arrays and objects, an empty one
 * counted as if it had an entry.
 */
export const MAX_FRAME_VALUES = 262_144;

/** Time for which frames may wait for memory after the end of the stream, in milliseconds. */
export const END_WAIT_MS = 1000;

/** Paths of keys in one look at configuration files. */
export const MAX_CONFIG_PATHS = 256;

/** Messages in one batch. */
export const MAX_BATCH = 128;

/** Messages that are read but not yet dispatched; beyond it a reader stops reading. */
export const MAX_UNDISPATCHED_MESSAGES = 1024;

/** Bytes of them beyond which a reader stops reading. */
export const MAX_UNDISPATCHED_BYTES = 1024 * 1024;

/** Longest id that a client chooses (`id`, `processId`, `writeId`, `requestId`), in bytes. */
export const MAX_ID_BYTES = 4096;

/** Longest `handleId`, in bytes. */
export const MAX_HANDLE_ID_BYTES = 32;

/** Longest path and name of a program, in UTF-16 code units; what the system takes may be less. */
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

/** Most keys that lead to one value of a configuration file. */
export const MAX_CONFIG_KEYS = 64;

/** Longest argument of a program, in bytes: Linux passes no longer string to one (MAX_ARG_STRLEN, with NUL). */
export const MAX_ARGUMENT_BYTES = 128 * 1024 - 1;

/** Most arguments of a program. */
export const MAX_ARGUMENTS = 65_536;

/** Most UTF-16 code units of all arguments of a program: Linux passes no more to one. */
export const MAX_ARGUMENTS_LENGTH = 6 * 1024 * 1024;

/** The smallest credit window: one read from a child has to fit. */
export const MIN_OUTPUT_WINDOW_BYTES = 64 * 1024;

/** The most that head and tail of a process's output may be together, in bytes: `maxOutputBytes`. */
export const MAX_HEAD_TAIL_BYTES = 64 * 1024 * 1024;

/** Most names in one `environment/explain`. */
export const MAX_EXPLAINED_NAMES = 1_000;

/** The most of a file in one `fs/readBlock` or `fs/writeBlock`, in bytes. */
export const MAX_BLOCK_BYTES = 1024 * 1024;

/** The most levels of directories that one `fs/walk` enters. */
export const MAX_WALK_DEPTH = 64;

/** The most directories that one `fs/walk` enters. */
export const MAX_WALK_DIRECTORIES = 10_000;

/** The most names that one `fs/walk` looks at. */
export const MAX_WALK_ENTRIES = 50_000;

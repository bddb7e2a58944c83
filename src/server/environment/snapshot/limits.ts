/** Limits of shell snapshots. */

/** Snapshots of a session; the least recently used one gives way to another. Each holds a descriptor. */
export const MAX_SNAPSHOTS = 16;

/** Size of a snapshot, in bytes. */
export const MAX_SNAPSHOT_BYTES = 1024 * 1024;

/** Output of a shell that prints its state, in bytes. */
export const MAX_STATE_BYTES = 2 * MAX_SNAPSHOT_BYTES;

/** Environment of a process with a snapshot, in characters: it is compared at each start. */
export const MAX_SNAPSHOT_ENV_LENGTH = 256 * 1024;

/** Shells that are captured concurrently. */
export const MAX_CAPTURES = 2;

/** Age after which a snapshot is captured again, in milliseconds: start-up files may depend on the time. */
export const MAX_SNAPSHOT_AGE_MS = 15 * 60_000;

/** Start-up files of a shell that are watched for changes. */
export const MAX_WATCHED_FILES = 128;

/** Part of a start-up file that is searched for the names of other files, in bytes. */
export const MAX_SEARCHED_BYTES = 128 * 1024;

/** Reasons why there is no snapshot that a session logs, each once. */
export const MAX_LOGGED_REASONS = 32;

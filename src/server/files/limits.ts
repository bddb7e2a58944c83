import { MAX_FRAME_VALUES } from '../../protocol/limits.ts';

/** Limits of file requests. */

/** Files that a connection holds open; opening another one is refused. */
export const MAX_OPEN_FILES = 128;

/** Concurrent file requests that hold a descriptor; further ones wait. */
export const MAX_CONCURRENT_FILE_OPERATIONS = 64;

/** Directories that one removal of a tree holds open. */
export const MAX_HELD_DIRECTORIES = 16;

/** Concurrent listings of directories and trees; further ones wait. */
export const MAX_CONCURRENT_LISTINGS = 16;

/** Minimum that an answer with part of a file counts in memory, in bytes. */
export const MIN_FILE_ANSWER_BYTES = 4 * 1024;

/** Longest file that is read in one answer, in bytes: as base64 it must fit a frame, with its envelope. */
export const maxReadFileBytes = (frameBytes: number): number =>
  Math.max(0, Math.floor((frameBytes - 4096) / 4) * 3);

/** Copies of a listing in memory until it is queued: its entries, the JSON, the text and bytes of a frame. */
export const LISTING_FORMS = 4;

/** Memory of one listed name with its entry, in bytes. */
export const LISTED_NAME_BYTES = 384;

/** Entries of one directory; a longer one is refused, by `fs/walk` truncated. */
export const MAX_DIRECTORY_ENTRIES = 50_000;

/** Answer that lists a directory or a tree, in bytes; a longer directory is refused, a longer tree truncated. */
export const MAX_LISTING_BYTES = 16 * 1024 * 1024;

/**
 * JSON values in the answer that lists a directory: a client may refuse a message with more than `MAX_FRAME_VALUES`, of
 * which some are the envelope. 50,000 names fit, unless most are not UTF-8.
 */
export const MAX_LISTING_VALUES = MAX_FRAME_VALUES - 64;

/** Errors listed by one `fs/walk`; beyond it the answer is only marked `truncated`. */
export const MAX_WALK_ERRORS = 1000;

/** Special files that one `fs/copy` lists as skipped. */
export const MAX_SKIPPED_FILES = 1000;

/** File requests that wait for earlier ones on the same path. */
export const MAX_WAITING_FILE_REQUESTS = 4096;

/** Paths in one `fs/watchMissing`; with more, nothing is watched. */
export const MAX_WATCHED_PATHS = 64;

/** Interval at which a watch polls, in milliseconds: not every file system reports changes. */
export const MISSING_RECHECK_MS = 5000;

/** Time for which a shutdown waits for pending file requests, and then again for those that it aborted. */
export const FILE_SHUTDOWN_MS = 1000;

import { MAX_BLOCK_BYTES, MAX_OUTPUT_WINDOW_BYTES } from '../protocol/limits.ts';
import { MAX_MATCH_STEPS } from '../shared-config/index.ts';
import { MAX_EXPLANATION_BYTES } from './environment/limits.ts';
import {
  MAX_DIRECTORY_ENTRIES,
  MAX_LISTING_BYTES,
  MAX_LISTING_VALUES,
  MAX_OPEN_FILES,
  MAX_WAITING_FILE_REQUESTS,
  maxReadFileBytes,
} from './files/limits.ts';
import { MAX_HTTP_BODY_BYTES, MAX_HTTP_REQUESTS } from './http/limits.ts';
import {
  MAX_PATH_DIRECTORIES,
  MAX_RETAINED_BYTES,
  MAX_RETAINED_MS,
  MAX_STDIN_QUEUED_BYTES,
  MAX_WAITING_READS,
} from './process/limits.ts';
import {
  MAX_FILE_SANDBOXES,
  MAX_SANDBOX_DEPTH,
  MAX_SANDBOX_DIRECTORIES,
  MAX_SANDBOX_PATHS,
} from './sandbox/limits.ts';

/** The limits announced by `initialize`: all that a client can run into. */
export type AnnouncedLimits = ReturnType<typeof announcedLimits>;

/** Collects the limits that `initialize` announces, with those that the embedder has chosen. */
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
  outputWindowBytes: MAX_OUTPUT_WINDOW_BYTES,
  explanationBytes: MAX_EXPLANATION_BYTES,
  openFiles: MAX_OPEN_FILES,
  waitingFileRequests: MAX_WAITING_FILE_REQUESTS,
  matchSteps: MAX_MATCH_STEPS,
  pathDirectories: MAX_PATH_DIRECTORIES,
  sandboxDepth: MAX_SANDBOX_DEPTH,
  sandboxDirectories: MAX_SANDBOX_DIRECTORIES,
  fileSandboxes: MAX_FILE_SANDBOXES,
  sandboxPaths: MAX_SANDBOX_PATHS,
  blockBytes: MAX_BLOCK_BYTES,
  readFileBytes: maxReadFileBytes(chosen.frameBytes),
  directoryEntries: MAX_DIRECTORY_ENTRIES,
  listingBytes: MAX_LISTING_BYTES,
  listingValues: MAX_LISTING_VALUES,
  httpRequests: MAX_HTTP_REQUESTS,
  httpBodyBytes: MAX_HTTP_BODY_BYTES,
});

/** Limits of sandboxes. */

/** Parent directories of one path of a sandbox. */
export const MAX_SANDBOX_DEPTH = 128;

/** Parent directories of all paths of a sandbox; each is looked up. */
export const MAX_SANDBOX_DIRECTORIES = 8192;

/** Paths in the entries of one sandbox; each is looked up and held open while the sandbox is created. */
export const MAX_SANDBOX_PATHS = 256;

/** Concurrent sandboxed servers for the file requests of a connection. */
export const MAX_FILE_SANDBOXES = 4;

/** Time after which the probe for a working bubblewrap fails, in milliseconds. */
export const SANDBOX_PROBE_MS = 10_000;

/** Time for which the answer to a sandboxed start waits for the program to run, in milliseconds. */
export const SANDBOX_READY_MS = 2000;

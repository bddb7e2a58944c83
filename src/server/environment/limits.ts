/** Limits of requests about the environment. */

/** Answer to `environment/explain`, in bytes; a request for more is refused. */
export const MAX_EXPLANATION_BYTES = 4 * 1024 * 1024;

/** Copies of an explanation in memory until it is queued: its entries, the JSON, the text and bytes of a frame. */
export const EXPLANATION_FORMS = 4;

/** Longest configuration file of Codex that is read, in bytes: parsing takes half a millisecond for each KiB. */
export const MAX_CONFIG_BYTES = 96 * 1024;

/** Memory for reading configuration files, in bytes. */
export const CONFIG_MEMORY_BYTES = 4 * 1024 * 1024;

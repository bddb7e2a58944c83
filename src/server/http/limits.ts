/** Limits of `http/request`. */

/** Concurrent HTTP requests of one connection. */
export const MAX_HTTP_REQUESTS = 64;

/** Body of an HTTP response that is not streamed, in bytes: as base64 it is a third longer and must fit a frame. */
export const MAX_HTTP_BODY_BYTES = 32 * 1024 * 1024;

/** Redirects followed by one HTTP request. */
export const MAX_HTTP_REDIRECTS = 10;

/** Longest time for which a session waits for another connection, in milliseconds: a day. */
export const MAX_KEEP_MS = 24 * 60 * 60 * 1000;

/** Bytes in each direction that are kept to be sent again; beyond them, writes wait. */
export const REPLAY_BYTES = 1024 * 1024;

/** Longest acknowledgement or ping that is handled ahead of other messages. */
export const MAX_LINK_MESSAGE_BYTES = 512;

/** Silence of a client that has sent pings after which its connection is taken for lost, in milliseconds. */
export const SILENT_MS = 20_000;
/** Interval in which silence is checked, in milliseconds. */
export const IDLE_CHECK_MS = 2_500;

/** Time for a connection to ask for a session, in milliseconds. */
export const JOIN_MS = 10_000;
/** Connections that may ask concurrently; further ones are closed. */
export const MAX_JOINING = 16;
/** Clients that were replaced and are refused; beyond it the first is forgotten. */
export const MAX_CLIENTS = 64;

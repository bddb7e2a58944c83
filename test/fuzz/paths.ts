/** Paths in a jail. */
export const WORK = '/fuzz/work';
export const HOME = '/fuzz/home';
export const TEMPORARY = '/fuzz/tmp';
export const PROGRAM = '/fuzz/program';
export const BIN = `${PROGRAM}/bin`;

/** The port of the only HTTP server in a jail. */
export const HTTP_PORT = 8080;

/** A value of environment variables that must appear in no text of the server. */
export const CANARY = 'canary-5d0c1f9e7a';

/** The uid and gid of `nobody`: an account that owns nothing in a test. */
export const NOBODY_UID = 65_534;

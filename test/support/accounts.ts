/** The uid and gid of the unprivileged account: it owns nothing in a test. */
export const NOBODY_UID = 65_534;

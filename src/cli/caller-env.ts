/** The value that a variable has in our own environment; `undefined` if it is not set. */
export const callerValue = (name: string): string | undefined =>
  Object.hasOwn(process.env, name) ? process.env[name] : undefined;

/**
 * Reason for which such a value cannot be passed on: Node decodes bytes that are not UTF-8 to U+FFFD, so that it would
 * arrive as another one.
 */
export const callerValueProblem = (value: string | undefined): string | undefined =>
  value?.includes('\ufffd') ? 'the value that it has here is not valid UTF-8' : undefined;

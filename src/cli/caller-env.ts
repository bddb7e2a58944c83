/** Value of a variable in the env of this program; `undefined` if it is not set. */
export const callerValue = (name: string): string | undefined =>
  Object.hasOwn(process.env, name) ? process.env[name] : undefined;

/** True if a value cannot be sent unchanged: Node decodes bytes that are not UTF-8 to U+FFFD. */
export const isGarbled = (value: string | undefined): boolean => value?.includes('\ufffd') ?? false;

/**
 * An environment: each variable's name with its value. Names are own properties, `__proto__` too, so read
 * it with `Object.entries` and build it with `Object.fromEntries`: an assignment `env[name] = value` would
 * set the object's prototype for that one name.
 */
export type Env = Readonly<Record<string, string>>;

/** Whose rules names follow: `windows` compares them without case everywhere, `posix` does not. */
export type Platform = 'posix' | 'windows';

/** The platform of a `process.platform`. Anything but `win32` is `posix`, Cygwin's Node included. */
export const platformOf = (nodePlatform: NodeJS.Platform): Platform =>
  nodePlatform === 'win32' ? 'windows' : 'posix';

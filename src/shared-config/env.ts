/**
 * An environment: the values of variables by name. Every name is an own property, `__proto__` too: read it with
 * `Object.entries` and build it with `Object.fromEntries`, since `env['__proto__'] = value` sets the prototype.
 */
export type Env = Readonly<Record<string, string>>;

/** The rules for names: `windows` compares them without case, `posix` with case. */
export type Platform = 'posix' | 'windows';

/** Returns the platform for a `process.platform`: `windows` for `win32`, otherwise `posix`. */
export const platformOf = (nodePlatform: NodeJS.Platform): Platform =>
  nodePlatform === 'win32' ? 'windows' : 'posix';

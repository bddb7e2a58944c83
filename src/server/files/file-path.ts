import { isUtf8 } from 'node:buffer';
import { posix, win32 } from 'node:path';
import { invalidParams } from '../../protocol/errors.ts';
import { exactPath, fileUri } from '../../protocol/native-path.ts';

/** An absolute path without `.`, `..` and a trailing `/`; a Buffer if a name in it is not UTF-8. */
export type FilePath = string | Buffer;

/** Operations on paths by the rules of one platform, without file access. */
export type FilePaths = {
  /**
   * Converts a path from the wire. `.` and `..` are resolved as text, as in a URL, before any link is followed.
   *
   * @throws {ExecServerError} `invalidParams`, naming `field`
   */
  parse(field: string, value: string): FilePath;
  /** Returns the `file:` URI of a path, byte for byte. */
  uri(path: FilePath): string;
  /** Appends a name to the path of a directory. */
  child(directory: FilePath, name: Buffer): FilePath;
  /** Returns the directory that contains a path; a root is its own parent. */
  parent(path: FilePath): FilePath;
  /** Returns the last name of a path; empty for a root. */
  name(path: FilePath): Buffer;
  /** Returns the target of the link at `path` as a path. The target is not normalised, so that the system resolves it. */
  linked(path: FilePath, target: Buffer): FilePath;
};

/** Returns the operations for a platform. */
export const filePaths = (platform: NodeJS.Platform): FilePaths => {
  const rules = platform === 'win32' ? win32 : posix;
  /** Applies a change to a path as text. A path that is not UTF-8 is converted with one character for each byte. */
  const asText = (path: FilePath, change: (text: string) => string): FilePath =>
    typeof path === 'string' ? change(path) : Buffer.from(change(path.toString('latin1')), 'latin1');
  const parent = (path: FilePath) => asText(path, rules.dirname);
  const child = (directory: FilePath, name: Buffer): FilePath => {
    const start = Buffer.from(directory);
    const separator = endsWithSeparator(directory, rules.sep) ? '' : rules.sep;
    return decoded(Buffer.concat([start, Buffer.from(separator), name]));
  };
  return {
    parse: (field, value) => {
      // UTF-8 would encode it as U+FFFD, which names another file.
      if (/\p{Surrogate}/u.test(value))
        throw invalidParams(field, 'expected well-formed Unicode, received an unpaired surrogate');
      return asText(exactPath(field, value, platform), path =>
        withoutTrailingSeparator(rules.normalize(path), rules),
      );
    },
    uri: path => fileUri(path, platform),
    child,
    parent,
    name: path => {
      const text = typeof path === 'string' ? path : path.toString('latin1');
      return Buffer.from(rules.basename(text), typeof path === 'string' ? 'utf8' : 'latin1');
    },
    linked: (path, target) =>
      rules.isAbsolute(target.toString('latin1')) ? decoded(target) : child(parent(path), target),
  };
};

/** Converts the bytes of a path or a name to text if they are UTF-8. */
export const decoded = (bytes: Buffer): FilePath => (isUtf8(bytes) ? bytes.toString() : bytes);

const endsWithSeparator = (path: FilePath, separator: string): boolean =>
  path.at(-1) === (typeof path === 'string' ? separator : separator.charCodeAt(0));

const withoutTrailingSeparator = (path: string, { parse, sep }: typeof posix): string =>
  path.endsWith(sep) && path !== parse(path).root ? path.slice(0, -1) : path;

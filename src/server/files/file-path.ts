import { isUtf8 } from 'node:buffer';
import { posix, win32 } from 'node:path';
import { invalidParams } from '../../protocol/errors.ts';
import { exactPath, fileUri } from '../../protocol/native-path.ts';

/** An absolute path without `.`, `..` and a `/` at its end; as bytes where a name in it isn't UTF-8. */
export type FilePath = string | Buffer;

/** What can be done with paths alone, by the rules of one platform. */
export type FilePaths = {
  /**
   * Reads a path from the wire. `.` and `..` are taken out of it as text, as a URI is read, whatever links there are.
   *
   * @throws {ExecServerError} `invalidParams`, naming `field`
   */
  parse(field: string, value: string): FilePath;
  /** The path for an answer, byte for byte. */
  uri(path: FilePath): string;
  /** Something in a directory, by the bytes of its name. */
  child(directory: FilePath, name: Buffer): FilePath;
  /** The directory that something is in; of a root, itself. */
  parent(path: FilePath): FilePath;
  /** The last name, as bytes; of a root it is empty. */
  name(path: FilePath): Buffer;
  /** What a link at `path` leads to: nothing is resolved, so that the system can. */
  linked(path: FilePath, target: Buffer): FilePath;
};

/** The rules of a platform. */
export const filePaths = (platform: NodeJS.Platform): FilePaths => {
  const rules = platform === 'win32' ? win32 : posix;
  /** Does something to a path as text; each byte of one that isn't UTF-8 is one character meanwhile. */
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
      // It would be written as U+FFFD, and reach another file.
      if (/\p{Surrogate}/u.test(value))
        throw invalidParams(field, 'expected text, received half a character');
      return asText(exactPath(field, value, platform), path => withoutEnd(rules.normalize(path), rules));
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

/** The bytes of a path or a name as text, unless they are none. */
export const decoded = (bytes: Buffer): FilePath => (isUtf8(bytes) ? bytes.toString() : bytes);

const endsWithSeparator = (path: FilePath, separator: string): boolean =>
  path.at(-1) === (typeof path === 'string' ? separator : separator.charCodeAt(0));

const withoutEnd = (path: string, { parse, sep }: typeof posix): string =>
  path.endsWith(sep) && path !== parse(path).root ? path.slice(0, -1) : path;

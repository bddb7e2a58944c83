import { isUtf8 } from 'node:buffer';
import { posix, win32 } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { invalidParams } from './errors.ts';

/**
 * Converts a path on the wire, a `file:` URI or an absolute path of this platform, to a native path.
 *
 * @throws {ExecServerError} `invalidParams` with `field` for anything else
 */
export const nativePath = (field: string, value: string, platform: NodeJS.Platform): string => {
  const path = exactPath(field, value, platform);
  if (typeof path === 'string') return path;
  throw notAPath(field, value);
};

/**
 * Converts a path like `nativePath`, but also one that is not UTF-8, which a `file:` URI can have if the system allows
 * any bytes. Such a path is returned as bytes.
 */
export const exactPath = (field: string, value: string, platform: NodeJS.Platform): string | Buffer => {
  if (/^file:/i.test(value)) return fromUri(field, value, platform);
  const paths = platform === 'win32' ? win32 : posix;
  if (paths.isAbsolute(value)) return value;
  throw invalidParams(field, `expected a file: URI or an absolute path, received ${JSON.stringify(value)}`);
};

/** Returns the `file:` URI of an absolute native path. */
export const fileUri = (path: string | Buffer, platform: NodeJS.Platform): string => {
  // With a character after it, since control characters at the end would be stripped as blanks around a URL.
  if (typeof path === 'string')
    return pathToFileURL(`${path}x`, { windows: platform === 'win32' }).href.slice(0, -1);
  // Each byte becomes the character with its number. The URI then has two escapes for a byte above 127, made one here.
  return fileUri(path.toString('latin1'), platform).replace(
    /%C([23])%([89AB][\dA-F])/g,
    (_, lead: string, byte: string) =>
      lead === '2' ? `%${byte}` : `%${(Number.parseInt(byte, 16) + 64).toString(16).toUpperCase()}`,
  );
};

const fromUri = (field: string, uri: string, platform: NodeJS.Platform): string | Buffer => {
  // The URL parser ends the path at such a character, drops it or takes it for a slash, and would name another file.
  const [raw] = (platform === 'win32' ? /[?#\p{Cc}]| $/u : /[?#\\\p{Cc}]| $/u).exec(uri) ?? [];
  if (raw !== undefined) {
    const problem = `${JSON.stringify(uri)} has ${JSON.stringify(raw)}, which must be percent-encoded`;
    throw invalidParams(field, problem);
  }
  try {
    const path = platform === 'win32' ? fileURLToPath(uri, { windows: true }) : bytesOf(uri);
    if (!path.includes('\0')) return path;
  } catch {
    // The error below replaces that of Node, which has neither the field nor the expected form.
  }
  throw notAPath(field, uri);
};

// `fileURLToPath` accepts only UTF-8, so each byte becomes the character with its number.
const bytesOf = (uri: string): string | Buffer => {
  const characters = new URL(uri).href.replace(/%[89A-F][\dA-F]/gi, percent =>
    encodeURIComponent(String.fromCharCode(Number.parseInt(percent.slice(1), 16))),
  );
  const bytes = Buffer.from(fileURLToPath(characters, { windows: false }), 'latin1');
  return isUtf8(bytes) ? bytes.toString() : bytes;
};

const notAPath = (field: string, uri: string) =>
  invalidParams(field, `${JSON.stringify(uri)} does not name a path of this machine`);

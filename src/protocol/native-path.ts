import { isUtf8 } from 'node:buffer';
import { posix, win32 } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { invalidParams } from './errors.ts';

/**
 * Reads a path from the wire: a `file:` URI or an absolute path of this platform.
 *
 * @throws {ExecServerError} `invalidParams`, naming `field`, for anything else.
 */
export const nativePath = (field: string, value: string, platform: NodeJS.Platform): string => {
  const path = exactPath(field, value, platform);
  if (typeof path === 'string') return path;
  throw noPathHere(field, value);
};

/**
 * The same, for paths with names that are not UTF-8, which `file:` URIs can have where the system allows
 * any bytes: such a path comes as its bytes.
 */
export const exactPath = (field: string, value: string, platform: NodeJS.Platform): string | Buffer => {
  if (/^file:/i.test(value)) return fromUri(field, value, platform);
  const paths = platform === 'win32' ? win32 : posix;
  if (paths.isAbsolute(value)) return value;
  throw invalidParams(field, `expected a file: URI or an absolute path, received ${JSON.stringify(value)}`);
};

/** An absolute native path as a `file:` URI. */
export const fileUri = (path: string | Buffer, platform: NodeJS.Platform): string => {
  // With something behind it: control characters at the end would be taken off as blanks around a URL.
  if (typeof path === 'string')
    return pathToFileURL(`${path}x`, { windows: platform === 'win32' }).href.slice(0, -1);
  // Each byte as the character of its number; of every one above 127 the URI then has two escapes.
  return fileUri(path.toString('latin1'), platform).replace(
    /%C([23])%([89AB][\dA-F])/g,
    (_, lead: string, byte: string) =>
      lead === '2' ? `%${byte}` : `%${(Number.parseInt(byte, 16) + 64).toString(16).toUpperCase()}`,
  );
};

const fromUri = (field: string, uri: string, platform: NodeJS.Platform): string | Buffer => {
  // A URL ends its path there, drops it or takes it for a /: a name that contains it would lead to another file.
  const [raw] = (platform === 'win32' ? /[?#\p{Cc}]| $/u : /[?#\\\p{Cc}]| $/u).exec(uri) ?? [];
  if (raw !== undefined) {
    const problem = `${JSON.stringify(uri)} has ${JSON.stringify(raw)}, which must be percent-encoded`;
    throw invalidParams(field, problem);
  }
  try {
    const path = platform === 'win32' ? fileURLToPath(uri, { windows: true }) : bytesOf(uri);
    if (!path.includes('\0')) return path;
  } catch {
    // Told below: the engine's own texts name neither the field nor what is expected.
  }
  throw noPathHere(field, uri);
};

// `fileURLToPath` takes UTF-8 alone, so it gets each byte as the character of its number.
const bytesOf = (uri: string): string | Buffer => {
  const characters = new URL(uri).href.replace(/%[89A-F][\dA-F]/gi, percent =>
    encodeURIComponent(String.fromCharCode(Number.parseInt(percent.slice(1), 16))),
  );
  const bytes = Buffer.from(fileURLToPath(characters, { windows: false }), 'latin1');
  return isUtf8(bytes) ? bytes.toString() : bytes;
};

const noPathHere = (field: string, uri: string) =>
  invalidParams(field, `${JSON.stringify(uri)} does not name a path of this machine`);

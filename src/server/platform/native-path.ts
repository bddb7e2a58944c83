import { posix, win32 } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { invalidParams } from '../../protocol/errors.ts';

/**
 * Reads a path from the wire: a `file:` URI or an absolute path of this platform.
 *
 * @throws {ExecServerError} `invalidParams`, naming `field`, for anything else.
 */
export const nativePath = (field: string, value: string, platform: NodeJS.Platform): string => {
  if (/^file:/i.test(value)) return fromUri(field, value, platform);
  const paths = platform === 'win32' ? win32 : posix;
  if (paths.isAbsolute(value)) return value;
  throw invalidParams(field, `expected a file: URI or an absolute path, received ${JSON.stringify(value)}`);
};

/** An absolute native path as a `file:` URI. */
export const fileUri = (path: string, platform: NodeJS.Platform): string =>
  pathToFileURL(path, { windows: platform === 'win32' }).href;

const fromUri = (field: string, uri: string, platform: NodeJS.Platform): string => {
  try {
    const path = fileURLToPath(uri, { windows: platform === 'win32' });
    if (!path.includes('\0')) return path;
  } catch {
    // Told below: the engine's own texts name neither the field nor what is expected.
  }
  throw invalidParams(field, `${JSON.stringify(uri)} does not name a path of this machine`);
};

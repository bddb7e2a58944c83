import { posix, win32 } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EnvironmentInfo } from '../protocol/environment.ts';
import { invalidAnswer, invalidParams } from '../protocol/errors.ts';
import { requests } from '../protocol/messages.ts';
import { exactPath } from '../protocol/native-path.ts';
import { RequestError } from './errors.ts';

/** Returns the working directory for `process/start`: an absolute path of the server or a `file:` URI. */
export const startDirectory = (
  { cwd: serverCwd = 'file:///', platformOs }: Pick<EnvironmentInfo, 'cwd' | 'platformOs'>,
  cwd = serverCwd,
): string => {
  const windows = platformOs === 'windows';
  const { isAbsolute, join } = windows ? win32 : posix;
  if (/^file:/i.test(cwd) || isAbsolute(cwd)) return cwd;
  return join(pathOf(serverCwd, windows), cwd);
};

/** Returns the native path of a working directory on this machine; `null` for one that is not UTF-8 or not a path. */
export const localDirectory = (cwd: string): string | null => {
  try {
    const path = exactPath('cwd', cwd, process.platform);
    return typeof path === 'string' ? path : null;
  } catch {
    // The server refuses it.
    return null;
  }
};

const pathOf = (serverCwd: string, windows: boolean): string => {
  try {
    return fileURLToPath(serverCwd, { windows });
  } catch {
    const { method } = requests.initialize;
    const problem = invalidParams('environmentInfo.cwd', 'expected a file: URI of an absolute path');
    throw new RequestError(method, invalidAnswer(method, problem));
  }
};

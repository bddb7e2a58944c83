import { posix, win32 } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EnvironmentInfo } from '../protocol/environment.ts';

/** Where a process is to run, as `process/start` takes it: absolute there, or a `file:` URI. */
export const startDirectory = (
  { cwd: serverCwd = 'file:///', platformOs }: Pick<EnvironmentInfo, 'cwd' | 'platformOs'>,
  cwd = serverCwd,
): string => {
  const windows = platformOs === 'windows';
  const { isAbsolute, join } = windows ? win32 : posix;
  if (/^file:/i.test(cwd) || isAbsolute(cwd)) return cwd;
  return join(fileURLToPath(serverCwd, { windows }), cwd);
};

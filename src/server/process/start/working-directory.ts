import { accessSync, closeSync, constants, existsSync, openSync } from 'node:fs';
import { invalidParams, launchFailed, unsupported } from '../../../protocol/errors.ts';
import { exactPath } from '../../../protocol/native-path.ts';

/** The working directory of a process that is being started. */
export type WorkingDirectory = {
  /** Path for this process and for the child until it runs the program. */
  readonly path: string;
  /** The value of PWD; `null` if no variable can have it. */
  readonly pwd: string | null;
  /** Closes its descriptor, after the start. */
  release(): void;
};

/**
 * Returns the working directory that `cwd` names. Node takes only directories whose path is UTF-8: one with another path
 * is opened and then named by its descriptor, on Linux.
 *
 * @throws {ExecServerError} `invalidParams`, `unsupported`, `launchFailed` at stage `cwd`
 */
export const workingDirectory = (cwd: string, platform: NodeJS.Platform): WorkingDirectory => {
  const path = exactPath('cwd', cwd, platform);
  if (typeof path === 'string') return { path, pwd: path, release: () => {} };
  if (platform !== 'linux') throw invalidParams('cwd', `${JSON.stringify(cwd)} is not UTF-8`);
  const fd = open(path, cwd);
  const name = `/proc/self/fd/${fd}`;
  const release = () => closeSync(fd);
  if (existsSync(name)) return { path: name, pwd: null, release };
  release();
  throw unsupported('cwd', 'a path that is not UTF-8 requires /proc');
};

const open = (path: Buffer, uri: string): number => {
  try {
    accessSync(path, constants.X_OK);
    return openSync(path, O_PATH | constants.O_DIRECTORY);
  } catch (cause) {
    const { code: errno = 'UNKNOWN' } = cause as NodeJS.ErrnoException;
    throw launchFailed(
      `cwd cannot be entered (${errno}): ${uri}`,
      { stage: 'cwd', errno, path: uri },
      { cause },
    );
  }
};

const O_PATH = 0o10000000;

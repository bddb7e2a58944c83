import { join } from 'node:path';
import { unsupported } from '../../../protocol/errors.ts';
import { libcUnavailable } from '../../../system/libc.ts';
import { loadNative, locateNative, type NativeHost, thisNativeHost } from '../../../system/native-module.ts';
import { shortageOf } from '../../../system/shortage.ts';
import { terminalFailure } from './started-terminal.ts';

/**
 * The part of the package's native module that is used. The package's own class around it is not: it adds
 * TERM and PWD to the environment, holds the exit back until the output has ended, cuts the output 200 ms
 * after the exit however much is unread, and blocks the process while a child doesn't read its input.
 */
export type PtyBinding = {
  fork(
    file: string,
    args: readonly string[],
    env: readonly string[],
    cwd: string,
    columns: number,
    rows: number,
    uid: number,
    gid: number,
    utf8: boolean,
    helperPath: string,
    onExit: (exitCode: number, signal: number) => void,
  ): { readonly fd: number; readonly pid: number; readonly pty: string };
  resize(fd: number, columns: number, rows: number): void;
};

/**
 * Why no child can be given a terminal here; `undefined` if nothing speaks against it. Nothing is loaded for
 * the answer, so a binary that turns out not to load is known from the first start on.
 */
export const ptyUnavailable = (host?: NativeHost): string | undefined => {
  if ((host?.platform ?? process.platform) === 'linux') return libcUnavailable(host);
  if (host !== undefined) return reasonOf(locate(host));
  located ??= locate(thisNativeHost());
  return reasonOf(located);
};

/**
 * Loads the native module, once.
 *
 * @throws {ExecServerError} `unsupported`, with the reason that `ptyUnavailable` gives from then on
 */
export const loadPtyBinding = (): { readonly binding: PtyBinding; readonly helperPath: string } => {
  const { binary, helperPath } = available();
  return { binding: load(binary), helperPath };
};

/**
 * Loads the package itself, which drives ConPTY on Windows.
 *
 * @throws {ExecServerError} `unsupported`, with the reason that `ptyUnavailable` gives from then on
 */
export const loadPtyPackage = (): typeof import('@lydell/node-pty') => load(available().main);

/**
 * Loads what terminals need.
 *
 * @param load throws an error with the reason
 * @throws {ExecServerError} `unsupported`
 */
export const loadOrRefuse = <Module>(load: () => Module): Module => {
  try {
    return load();
  } catch (error) {
    const shortage = shortageOf(error);
    if (shortage !== undefined) throw terminalFailure(shortage, error);
    throw unsupported('tty', (error as Error).message);
  }
};

type Located = { readonly main: string; readonly binary: string; readonly helperPath: string };

let located: Located | string | undefined;

const reasonOf = (result: Located | string): string | undefined =>
  typeof result === 'string' ? result : undefined;

const available = (): Located => {
  located ??= locate(thisNativeHost());
  if (typeof located === 'string') throw unsupported('tty', located);
  return located;
};

const locate = (host: NativeHost): Located | string => {
  const found = locateNative([PACKAGE, `${PACKAGE}-${host.platform}-${host.arch}`], host);
  if (typeof found === 'string') return found;
  const [directory, binaries = ''] = found;
  return {
    main: join(directory, 'index.js'),
    binary: join(binaries, host.platform === 'win32' ? 'conpty.node' : 'pty.node'),
    helperPath: host.platform === 'darwin' ? join(binaries, 'spawn-helper') : '',
  };
};

const PACKAGE = '@lydell/node-pty';

const load = <Module>(path: string): Module =>
  loadOrRefuse(() => {
    try {
      return loadNative(PACKAGE, path);
    } catch (error) {
      if (shortageOf(error) === undefined) located = (error as Error).message;
      throw error;
    }
  });

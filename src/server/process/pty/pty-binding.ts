import { join } from 'node:path';
import { unsupported } from '../../../protocol/errors.ts';
import { libcUnavailable } from '../../../system/libc.ts';
import { loadNative, locateNative, type NativeHost, thisNativeHost } from '../../../system/native-module.ts';
import { shortageOf } from '../../../system/shortage.ts';
import { terminalFailure } from './started-terminal.ts';

/**
 * The functions used of the package's native module. The package's class around it is not used: it adds TERM and PWD to
 * the environment, delays the exit until the output has ended, cuts the output 200 ms after the exit even if some is
 * unread, and blocks this process while a child does not read its input.
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
 * Reason why children cannot have terminals; `undefined` if no reason is known. Loads nothing, so a binary that fails to
 * load is reported only after the first start.
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
 * @throws {ExecServerError} `unsupported`, with the reason that `ptyUnavailable` then returns
 */
export const loadPtyBinding = (): { readonly binding: PtyBinding; readonly helperPath: string } => {
  const { binary, helperPath } = available();
  return { binding: load(binary), helperPath };
};

/**
 * Loads the package itself, which drives ConPTY on Windows.
 *
 * @throws {ExecServerError} `unsupported`, with the reason that `ptyUnavailable` then returns
 */
export const loadPtyPackage = (): typeof import('@lydell/node-pty') => load(available().main);

/**
 * Loads a module that terminals need.
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

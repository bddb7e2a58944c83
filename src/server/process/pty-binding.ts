import { closeSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { unsupported } from '../../protocol/errors.ts';
import { dependencyDirectory, ownPackageRoot } from '../platform/installed-package.ts';

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

/** Facts that decide where the native module is, if it can be used at all. */
export type PtyHost = {
  readonly platform: string;
  readonly arch: string;
  /** Path of the running Node. */
  readonly program: string;
  /** A file of the server's code; default: the running one. */
  readonly file?: string;
};

/**
 * Why no child can be given a terminal here; `undefined` if nothing speaks against it. Nothing is loaded for
 * the answer, so a binary that turns out not to load is known from the first start on.
 */
export const ptyUnavailable = (host?: PtyHost): string | undefined => {
  if (host !== undefined) return reasonOf(locate(host));
  located ??= locate(thisHost());
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

type Located = { readonly main: string; readonly binary: string; readonly helperPath: string };

let located: Located | string | undefined;

const thisHost = (): PtyHost => ({
  platform: process.platform,
  arch: process.arch,
  program: process.execPath,
});

const reasonOf = (result: Located | string): string | undefined =>
  typeof result === 'string' ? result : undefined;

const available = (): Located => {
  located ??= locate(thisHost());
  if (typeof located === 'string') throw unsupported('tty', located);
  return located;
};

const locate = (host: PtyHost): Located | string => {
  const root = ownPackageRoot(host.file);
  if (root === undefined)
    return `${PACKAGE} is loaded only from where exec-server is installed: this is a copy of its file`;
  const directory = dependencyDirectory(root, PACKAGE);
  if (directory === undefined) return `the optional package ${PACKAGE} is not installed`;
  const binaries = dependencyDirectory(directory, `${PACKAGE}-${host.platform}-${host.arch}`);
  if (binaries === undefined) return `${PACKAGE} has no binary installed for ${host.platform}-${host.arch}`;
  if (host.platform === 'linux' && usesMusl(host.program))
    return `the binary of ${PACKAGE} needs glibc, and this system has musl`;
  return {
    main: join(directory, 'index.js'),
    binary: join(binaries, host.platform === 'win32' ? 'conpty.node' : 'pty.node'),
    helperPath: host.platform === 'darwin' ? join(binaries, 'spawn-helper') : '',
  };
};

const PACKAGE = '@lydell/node-pty';

/**
 * Whether a program is linked against musl, told by the dynamic loader named in its first bytes. On musl the
 * glibc binary may load all the same, through a compatibility layer, and crash later.
 */
const usesMusl = (program: string): boolean => {
  const header = Buffer.alloc(4096);
  try {
    const fd = openSync(program, 'r');
    try {
      readSync(fd, header);
    } finally {
      closeSync(fd);
    }
  } catch {
    return false;
  }
  return header.includes('/ld-musl-');
};

const load = <Module>(path: string): Module => {
  try {
    return createRequire(path)(path);
  } catch (error) {
    const [line] = String((error as Error).message).split('\n');
    located = `the binary of ${PACKAGE} does not load: ${line}`;
    throw unsupported('tty', located);
  }
};

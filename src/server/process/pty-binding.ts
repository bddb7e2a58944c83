import { closeSync, existsSync, openSync, readSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unsupported } from '../../protocol/errors.ts';

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

/** Where a terminal is looked for: the platform, the running program and the file to resolve packages from. */
export type PtyHost = {
  readonly platform: string;
  readonly arch: string;
  readonly program: string;
  readonly from: string;
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

// In the program, which is one CommonJS file, `import.meta` is empty.
const thisHost = (): PtyHost => ({
  platform: process.platform,
  arch: process.arch,
  program: process.execPath,
  from: import.meta.url ?? __filename,
});

const reasonOf = (result: Located | string): string | undefined =>
  typeof result === 'string' ? result : undefined;

const available = (): Located => {
  located ??= locate(thisHost());
  if (typeof located === 'string') throw unsupported('tty', located);
  return located;
};

const locate = (host: PtyHost): Located | string => {
  const main = resolveFrom(host.from, `${PACKAGE}/index.js`);
  if (main === undefined) return `the optional package ${PACKAGE} is not installed`;
  const binaries = `${PACKAGE}-${host.platform}-${host.arch}`;
  const binary = resolveFrom(main, `${binaries}/${host.platform === 'win32' ? 'conpty.node' : 'pty.node'}`);
  const helperPath = host.platform === 'darwin' ? resolveFrom(main, `${binaries}/spawn-helper`) : '';
  if (binary === undefined || helperPath === undefined)
    return `${PACKAGE} has no binary installed for ${host.platform}-${host.arch}`;
  if (host.platform === 'linux' && usesMusl(host.program))
    return `the binary of ${PACKAGE} needs glibc, and this system has musl`;
  return { main, binary, helperPath };
};

const PACKAGE = '@lydell/node-pty';

const resolveFrom = (from: string, name: string): string | undefined => {
  const usual = findAbove(from, name);
  if (usual !== undefined) return usual;
  try {
    return createRequire(from).resolve(name);
  } catch {
    return undefined;
  }
};

// Where a package nearly always is. To resolve it in full takes milliseconds, for which every client waits.
const findAbove = (from: string, name: string): string | undefined => {
  let directory = from.startsWith('file:') ? fileURLToPath(from) : from;
  while (directory !== dirname(directory)) {
    directory = dirname(directory);
    const path = join(directory, 'node_modules', name);
    if (existsSync(path)) return realpathSync.native(path);
  }
  return undefined;
};

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

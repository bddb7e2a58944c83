import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, closeSync, constants, existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path/posix';
import { unsupported } from '../../protocol/errors.ts';
import { shortageOf } from '../../system/shortage.ts';
import { SYSTEM_DIRECTORIES } from '../../system/system-program.ts';
import { SANDBOX_PROBE_MS } from './limits.ts';
import type { SandboxedStart } from './sandboxes.ts';
import { socketFilter } from './socket-filter.ts';

/** Where bubblewrap and what it needs lie on this machine. */
export type Bubblewrap = {
  readonly bwrap: string;
  /** GNU env. */
  readonly env: string;
  readonly bash: string;
};

/** What is looked at to find out whether anything can be confined here. */
export type SandboxHost = {
  readonly platform: NodeJS.Platform;
  readonly path: string | undefined;
  /** Tells the text of a file; `undefined` if there is none. */
  readonly read: (path: string) => string | undefined;
  readonly mayExecute: (path: string) => boolean;
};

/**
 * Finds bubblewrap, or tells in words why nothing can be confined here. It is a quick look at files: whether
 * the kernel lets a namespace be made is known only from the first start on.
 */
export const findBubblewrap = ({ platform, path, read, mayExecute }: SandboxHost): Bubblewrap | string => {
  if (platform !== 'linux')
    return `there is no sandbox on ${platform}: it takes bubblewrap, which is for Linux`;
  const directories = [
    ...SYSTEM_DIRECTORIES,
    ...(path ?? '').split(':').filter(directory => directory.startsWith('/')),
  ];
  const find = (name: string) => {
    // One path at a time: all of them at each start would be a lot of paths.
    const directory = directories.find(candidate => mayExecute(join(candidate, name)));
    return directory && join(directory, name);
  };
  const bwrap = find('bwrap');
  if (bwrap === undefined) return 'bubblewrap (bwrap) is not installed';
  const env = find('env');
  if (env === undefined) return 'there is no env (coreutils)';
  const bash = find('bash');
  if (bash === undefined) return 'there is no bash';
  if (!mayExecute('/proc/self')) return 'there is no /proc';
  const forbidden = FORBIDDING.find(([file, value]) => read(file)?.trim() === value);
  if (forbidden !== undefined) return `the system allows no user namespaces: ${forbidden.join(' is ')}`;
  return { bwrap, env, bash };
};

const FORBIDDING = [
  ['/proc/sys/user/max_user_namespaces', '0'],
  ['/proc/sys/kernel/unprivileged_userns_clone', '0'],
] as const;

/** The machine that we run on. */
export const thisSandboxHost = (path: string | undefined, platform: NodeJS.Platform): SandboxHost => ({
  platform,
  path,
  read: file => {
    // An error takes a while to make, and every client waits for this.
    if (!existsSync(file)) return undefined;
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return undefined;
    }
  },
  mayExecute: file => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  },
});

/**
 * The filter of system calls as a descriptor of this process, opened once and for reading only. The file has no name at
 * any time: a sandboxed process that could open it would change what confines the next one.
 *
 * @throws {ExecServerError} `unsupported`
 */
export const openSocketFilter = (): number => {
  filterFd ??= writeFilter();
  return filterFd;
};

let filterFd: number | undefined;

const writeFilter = (): number => {
  const bytes = socketFilter(process.arch);
  if (bytes === undefined) {
    throw unsupported('sandbox', `the network cannot be restricted on the architecture ${process.arch}`);
  }
  const written = openNameless();
  try {
    writeSync(written, bytes);
    return openSync(`/proc/self/fd/${written}`, 'r');
  } finally {
    closeSync(written);
  }
};

const openNameless = (): number => {
  const failures: string[] = [];
  for (const directory of NAMELESS_IN) {
    try {
      return openSync(directory, O_TMPFILE | constants.O_DIRECTORY | constants.O_RDWR, 0o600);
    } catch (error) {
      if (shortageOf(error) !== undefined) throw error;
      failures.push(`${directory}: ${(error as NodeJS.ErrnoException).code}`);
    }
  }
  throw unsupported(
    'sandbox',
    `the network cannot be restricted without a temporary file: ${failures.join(', ')}`,
  );
};

// File systems that have files without names: tmpfs, and nearly all that a machine has on disk.
const NAMELESS_IN = ['/dev/shm', '/tmp', '/var/tmp'];

/** The bit that makes it, beside that of a directory; `node:fs` does not name it. */
const O_TMPFILE = 0o20000000;

/** Runs a program to its end; resolves with what it wrote to stderr if it failed. */
export const failureOf = async ({ argv, env, descriptors }: SandboxedStart): Promise<string | undefined> => {
  const [file, ...args] = argv;
  const child = spawn(file, args, {
    cwd: '/',
    // Node hands its own NODE_V8_COVERAGE to every child whose environment doesn't name it.
    env: { NODE_V8_COVERAGE: undefined, ...env },
    stdio: ['ignore', 'ignore', 'pipe', ...descriptors],
    timeout: SANDBOX_PROBE_MS,
    // It ignores the others.
    killSignal: 'SIGKILL',
  });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-STDERR_CHARACTERS);
  });
  try {
    const [code, signal] = await once(child, 'close');
    if (code === 0) return undefined;
    if (signal !== null) return `it was ended by ${signal} (at the latest after ${SANDBOX_PROBE_MS} ms)`;
    return stderr.trim() || `exit code ${code}`;
  } catch (error) {
    return (error as Error).message;
  }
};

const STDERR_CHARACTERS = 64 * 1024;

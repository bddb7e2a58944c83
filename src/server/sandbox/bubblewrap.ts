import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, closeSync, constants, existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path/posix';
import { unsupported } from '../../protocol/errors.ts';
import { attempt } from '../../system/attempt.ts';
import { exactEnv } from '../../system/exact-env.ts';
import { shortageOf } from '../../system/shortage.ts';
import { SYSTEM_DIRECTORIES } from '../../system/system-program.ts';
import { SANDBOX_PROBE_MS } from './limits.ts';
import type { SandboxedStart } from './sandboxes.ts';
import { socketFilter } from './socket-filter.ts';

/** The paths of bubblewrap and of the programs that start it. */
export type Bubblewrap = {
  readonly bwrap: string;
  /** GNU env. */
  readonly env: string;
  readonly bash: string;
};

/** The parts of a machine that decide whether sandboxes are available. */
export type SandboxHost = {
  readonly platform: NodeJS.Platform;
  /** PATH of the server. */
  readonly path: string | undefined;
  /** Returns the text of a file, or `undefined` if it cannot be read. */
  readonly read: (path: string) => string | undefined;
  readonly isExecutable: (path: string) => boolean;
};

/**
 * Finds bubblewrap, or returns the reason why sandboxes are unavailable. This only looks at files: the first start
 * shows if the kernel allows namespaces.
 */
export const findBubblewrap = ({ platform, path, read, isExecutable }: SandboxHost): Bubblewrap | string => {
  if (platform !== 'linux')
    return `sandboxes are not available on ${platform}: they require bubblewrap, which runs on Linux`;
  const directories = [
    ...SYSTEM_DIRECTORIES,
    ...(path ?? '').split(':').filter(directory => directory.startsWith('/')),
  ];
  const find = (name: string) => {
    const directory = directories.find(candidate => isExecutable(join(candidate, name)));
    return directory && join(directory, name);
  };
  const bwrap = find('bwrap');
  if (bwrap === undefined) return 'bubblewrap (bwrap) is not installed';
  const env = find('env');
  if (env === undefined) return 'env (coreutils) is not installed';
  const bash = find('bash');
  if (bash === undefined) return 'bash is not installed';
  if (!isExecutable('/proc/self')) return '/proc is not mounted';
  const forbidden = FORBIDDING.find(([file, value]) => read(file)?.trim() === value);
  if (forbidden !== undefined) return `the system does not allow user namespaces: ${forbidden.join(' is ')}`;
  return { bwrap, env, bash };
};

const FORBIDDING = [
  ['/proc/sys/user/max_user_namespaces', '0'],
  ['/proc/sys/kernel/unprivileged_userns_clone', '0'],
] as const;

/** The machine that this server runs on. */
export const thisSandboxHost = (path: string | undefined, platform: NodeJS.Platform): SandboxHost => ({
  platform,
  path,
  // Every start of a server does this, and an error is slow to create.
  read: file => (existsSync(file) ? attempt(() => readFileSync(file, 'utf8')) : undefined),
  isExecutable: file =>
    attempt(() => {
      accessSync(file, constants.X_OK);
      return true;
    }) ?? false,
});

/**
 * Returns a read-only descriptor of the system call filter, which is opened once. The file never has a name: a
 * sandboxed process that could open it would change the filter of the next sandbox.
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
  const written = openUnnamed();
  try {
    writeSync(written, bytes);
    return openSync(`/proc/self/fd/${written}`, 'r');
  } finally {
    closeSync(written);
  }
};

const openUnnamed = (): number => {
  const failures: string[] = [];
  for (const directory of UNNAMED_FILE_DIRECTORIES) {
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

// Unnamed files require tmpfs or one of most file systems on disk.
const UNNAMED_FILE_DIRECTORIES = ['/dev/shm', '/tmp', '/var/tmp'];

/** Not in `node:fs`; used together with O_DIRECTORY. */
const O_TMPFILE = 0o20000000;

/** Runs a program to its end. Resolves with its stderr, or another reason, if it failed. */
export const failureOf = async ({ argv, env, descriptors }: SandboxedStart): Promise<string | undefined> => {
  const [file, ...args] = argv;
  const child = spawn(file, args, {
    cwd: '/',
    env: exactEnv(env),
    stdio: ['ignore', 'ignore', 'pipe', ...descriptors],
    timeout: SANDBOX_PROBE_MS,
    // bash ignores the other signals.
    killSignal: 'SIGKILL',
  });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-STDERR_CHARACTERS);
  });
  try {
    const [code, signal] = await once(child, 'close');
    if (code === 0) return undefined;
    if (signal !== null) return `killed by ${signal} (timeout: ${SANDBOX_PROBE_MS} ms)`;
    return stderr.trim() || `exit code ${code}`;
  } catch (error) {
    return (error as Error).message;
  }
};

const STDERR_CHARACTERS = 64 * 1024;

import { constants } from 'node:os';
import { join } from 'node:path';
import { loadNative, locateNative, type NativeHost, thisNativeHost } from './native-module.ts';
import { Semaphore } from './semaphore.ts';
import { shortageOf } from './shortage.ts';
import { countThreadTask } from './thread-pool.ts';

/** Memory that a function of the C library reads or fills. */
export type Memory = NodeJS.TypedArray;

/**
 * The functions of the C library of Linux that Node has no equivalent of. They are called as C calls them: those that
 * return -1 leave their reason in {@link Libc.lastError}, those of `posix_spawn` return it.
 */
export type Libc = {
  posixOpenpt(flags: number): number;
  grantpt(fd: number): number;
  unlockpt(fd: number): number;
  tcgetattr(fd: number, termios: Memory): number;
  tcsetattr(fd: number, when: number, termios: Memory): number;
  /** `ioctl` with a pointer. */
  ioctl(fd: number, request: number, memory: Memory): number;
  /** `ioctl` with a number. */
  ioctlNumber(fd: number, request: number, value: number): number;
  close(fd: number): number;
  chdir(path: string): number;
  fchdir(fd: number): number;
  waitpid(pid: number, status: Memory, options: number): number;
  waitid(type: number, id: number, info: Memory, options: number): number;
  /** Ends this process immediately: no listener runs, no thread is waited for. */
  exit(code: number): void;

  attrInit(attributes: Memory): number;
  attrSetFlags(attributes: Memory, flags: number): number;
  attrSetSigMask(attributes: Memory, signals: Memory): number;
  attrSetSigDefault(attributes: Memory, signals: Memory): number;
  actionsInit(actions: Memory): number;
  actionsDestroy(actions: Memory): number;
  addOpen(actions: Memory, fd: number, path: string, flags: number, mode: number): number;
  addDup2(actions: Memory, fd: number, newFd: number): number;
  addClose(actions: Memory, fd: number): number;
  /** Absent before glibc 2.29. */
  readonly addChdir: ((actions: Memory, path: string) => number) | undefined;
  /** Absent before glibc 2.34. */
  readonly addCloseFrom: ((actions: Memory, fd: number) => number) | undefined;
  spawn(pid: Memory, path: string, actions: Memory, attributes: Memory, argv: Memory, envp: Memory): number;

  /** Address of memory, valid while the memory is referenced. */
  address(memory: Memory): bigint;
  /** Error of the last call that returned -1, as an `errno`. */
  lastError(): number;
};

/** Returns the reason why the C library cannot be called here, or `undefined`. Loads nothing. */
export const libcUnavailable = (host?: NativeHost): string | undefined => {
  if (host !== undefined) return reasonOf(locate(host));
  located ??= locate(thisNativeHost());
  return reasonOf(located);
};

/**
 * Loads the C library of this process, once.
 *
 * @throws {Error} with the reason that `libcUnavailable` gives from then on
 */
export const loadLibc = (): Libc => {
  loaded ??= declare(loadKoffi());
  return loaded;
};

/**
 * Declares a function of the C library whose calls run in a thread of Node's pool, since they may wait for a file system.
 * Further calls wait while all threads are in use. A call that returns -1 rejects with an error of the system, like one of
 * `node:fs`.
 *
 * @throws {Error} with the reason why the C library cannot be called here
 */
export const declareInPool = <Args extends readonly unknown[]>(
  declaration: string,
): ((...args: Args) => Promise<number>) => {
  const koffi = loadKoffi();
  const [syscall = ''] = /\w+(?=\()/.exec(declaration) ?? [];
  const { async: call } = koffi.load(null).func<PooledFunction>(declaration);
  return (...args) =>
    calls.run(() =>
      countThreadTask(
        new Promise((resolve, reject) => {
          call(...args, (_, result) => {
            if (result === -1) reject(systemError(koffi.errno(), syscall));
            else resolve(result);
          });
        }),
      ),
    );
};

/** The number of threads of the pool; koffi refuses more than 64 pending calls. */
const MAX_POOLED_CALLS = 4;

const calls = new Semaphore(MAX_POOLED_CALLS);

const systemError = (errno: number, syscall: string): NodeJS.ErrnoException => {
  const code = errnoName(errno);
  return Object.assign(new Error(`${code}: ${syscall}`), { errno: -errno, code, syscall });
};

/** The name of an `errno`, such as `ENOENT`. */
export const errnoName = (errno: number): string => {
  const [name = `errno ${errno}`] =
    Object.entries(constants.errno).find(([, value]) => value === errno) ?? [];
  return name;
};

type Located = { readonly name: string; readonly binary: string };

/** The part that is used of the binary of koffi, an interface to functions of C. */
type Koffi = {
  load(path: null): { func<Function>(declaration: string): Function };
  address(memory: Memory): bigint;
  errno(): number;
};

/** Those whose constants and structures are known here: the same on both. */
const ARCHITECTURES = ['x64', 'arm64'];

/** A function of C that koffi calls in a thread of the pool; the last argument is the callback. */
type PooledFunction = {
  async(...args: readonly [...unknown[], (error: unknown, result: number) => void]): void;
};

let located: Located | string | undefined;
let koffi: Koffi | undefined;
let loaded: Libc | undefined;

const reasonOf = (result: Located | string): string | undefined =>
  typeof result === 'string' ? result : undefined;

const locate = (host: NativeHost): Located | string => {
  const { platform, arch } = host;
  if (platform !== 'linux' || !ARCHITECTURES.includes(arch))
    return `the C library is called on Linux on ${ARCHITECTURES.join(' and ')} only, this is ${platform}-${arch}`;
  const name = `@koromix/koffi-${platform}-${arch}`;
  const found = locateNative([name], host);
  // By its exact path: the package's own code tries one path after the other.
  return Array.isArray(found) ? { name, binary: join(found[0], `${platform}_${arch}`, 'koffi.node') } : found;
};

const loadKoffi = (): Koffi => {
  located ??= locate(thisNativeHost());
  if (typeof located === 'string') throw new Error(located);
  try {
    koffi ??= loadNative<Koffi>(located.name, located.binary);
    return koffi;
  } catch (error) {
    if (shortageOf(error) === undefined) located = (error as Error).message;
    throw error;
  }
};

const declare = (koffi: Koffi): Libc => {
  const library = koffi.load(null);
  const ifThere = <Function>(declaration: string) => {
    try {
      return library.func<Function>(declaration);
    } catch {
      return undefined;
    }
  };
  return {
    posixOpenpt: library.func('int posix_openpt(int)'),
    grantpt: library.func('int grantpt(int)'),
    unlockpt: library.func('int unlockpt(int)'),
    tcgetattr: library.func('int tcgetattr(int, void *)'),
    tcsetattr: library.func('int tcsetattr(int, int, void *)'),
    // Variadic in C, where these architectures pass whole numbers and pointers as to any other function.
    ioctl: library.func('int ioctl(int, unsigned long, void *)'),
    ioctlNumber: library.func('int ioctl(int, unsigned long, long)'),
    close: library.func('int close(int)'),
    chdir: library.func('int chdir(const char *)'),
    fchdir: library.func('int fchdir(int)'),
    waitpid: library.func('int waitpid(int, void *, int)'),
    waitid: library.func('int waitid(int, unsigned int, void *, int)'),
    exit: library.func('void _exit(int)'),
    attrInit: library.func('int posix_spawnattr_init(void *)'),
    attrSetFlags: library.func('int posix_spawnattr_setflags(void *, short)'),
    attrSetSigMask: library.func('int posix_spawnattr_setsigmask(void *, const void *)'),
    attrSetSigDefault: library.func('int posix_spawnattr_setsigdefault(void *, const void *)'),
    actionsInit: library.func('int posix_spawn_file_actions_init(void *)'),
    actionsDestroy: library.func('int posix_spawn_file_actions_destroy(void *)'),
    addOpen: library.func(
      'int posix_spawn_file_actions_addopen(void *, int, const char *, int, unsigned int)',
    ),
    addDup2: library.func('int posix_spawn_file_actions_adddup2(void *, int, int)'),
    addClose: library.func('int posix_spawn_file_actions_addclose(void *, int)'),
    addChdir: ifThere('int posix_spawn_file_actions_addchdir_np(void *, const char *)'),
    addCloseFrom: ifThere('int posix_spawn_file_actions_addclosefrom_np(void *, int)'),
    spawn: library.func(
      'int posix_spawn(void *, const char *, const void *, const void *, const void *, const void *)',
    ),
    address: koffi.address,
    lastError: () => koffi.errno(),
  };
};

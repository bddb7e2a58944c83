import { constants, fstatSync, openSync, statSync } from 'node:fs';
import { type EndListener, onceEnded } from '../../../system/child-reaper.ts';
import { findProgram } from '../../../system/find-program.ts';
import { errnoName, type Libc, loadLibc } from '../../../system/libc.ts';
import { spawnOnTerminal } from '../../../system/spawn-on-terminal.ts';
import { explainLaunchFailure } from '../start/launch-failure.ts';
import { loadOrRefuse } from './pty-binding.ts';
import type { PtyPlan } from './pty-child.ts';
import { type StartedTerminal, terminalFailure } from './started-terminal.ts';

/**
 * Starts a child on a new terminal by `posix_spawn`, which reports why a program cannot run and never lets the child have
 * descriptors of this process. Both sides of the terminal are opened close-on-exec.
 *
 * @throws {ExecServerError} `unsupported`, `launchFailed`
 */
export const spawnOnLinux = (plan: PtyPlan, onExit: EndListener): StartedTerminal => {
  const libc = loadOrRefuse(loadLibc);
  const { arg0, argv, env, cwd, descriptors } = plan;
  const [program, ...args] = argv;
  const file = executableOf(plan);
  const { master, slave, path, slavePath } = openTerminal(plan, libc);
  try {
    const pid = spawnOnTerminal(
      { file, argv: [arg0 ?? program, ...args], env, cwd, terminal: slavePath, descriptors },
      libc,
    );
    onceEnded(pid, onExit);
    const resize = (columns: number, rows: number) => void setSize(master, columns, rows, libc);
    // Without a path of its own, holders are not searched: the path of another terminal would find its processes.
    return {
      pid,
      fd: master,
      path: slavePath === path ? path : '',
      resize,
      closeSlave: () => void libc.close(slave),
    };
  } catch (error) {
    for (const fd of [master, slave]) libc.close(fd);
    throw explainLaunchFailure(error as NodeJS.ErrnoException, plan);
  }
};

/**
 * The file to run: a name with a slash as it is, so that the start itself decides; for another one the file in PATH, since
 * `posix_spawn` would look for it in the child's directory.
 */
const executableOf = (plan: PtyPlan): string => {
  if (plan.argv[0].includes('/')) return plan.argv[0];
  const { executable } = findProgram(plan);
  if (executable !== undefined) return executable;
  throw explainLaunchFailure(Object.assign(new Error('EACCES'), { code: 'EACCES' }), plan);
};

type OpenTerminal = {
  readonly master: number;
  readonly slave: number;
  readonly path: string;
  /** Path by which the child opens its side: with another instance of /dev/pts, `path` is another terminal or none. */
  readonly slavePath: string;
};

const openTerminal = ({ size }: PtyPlan, libc: Libc): OpenTerminal => {
  const opened: number[] = [];
  const keep = (fd: number): number => {
    opened.push(fd);
    return fd;
  };
  try {
    // Not by node:fs: in a worker thread Node would later close a descriptor that it has seen opened and not closed.
    const master = keep(checked(libc.posixOpenpt(OPEN_FLAGS | O_CLOEXEC | constants.O_NONBLOCK), libc));
    checked(libc.grantpt(master), libc);
    checked(libc.unlockpt(master), libc);
    const path = `/dev/pts/${numberOf(master, libc)}`;
    configure(master, libc);
    checked(setSize(master, size.columns, size.rows, libc), libc);
    const slave = keep(openSlave(master, path, libc));
    return { master, slave, path, slavePath: leadsTo(path, slave) ? path : `/proc/self/fd/${slave}` };
  } catch (error) {
    for (const fd of opened) libc.close(fd);
    throw terminalFailure((error as NodeJS.ErrnoException).code ?? 'UNKNOWN', error);
  }
};

const OPEN_FLAGS = constants.O_RDWR | constants.O_NOCTTY;

const checked = (result: number, libc: Libc): number => {
  if (result !== -1) return result;
  const code = errnoName(libc.lastError());
  throw Object.assign(new Error(code), { code });
};

const numberOf = (master: number, libc: Libc): number => {
  const number = new Uint32Array(1);
  checked(libc.ioctl(master, TIOCGPTN, number), libc);
  return number[0] as number;
};

const setSize = (master: number, columns: number, rows: number, libc: Libc): number =>
  libc.ioctl(master, TIOCSWINSZ, Uint16Array.of(rows, columns, 0, 0));

/**
 * Opens the child's side. It stays open here while the child runs, so that output arrives from a program that closes its
 * standard streams and opens /dev/tty later.
 */
const openSlave = (master: number, path: string, libc: Libc): number => {
  const slave = libc.ioctlNumber(master, TIOCGPTPEER, OPEN_FLAGS | O_CLOEXEC);
  return slave === -1 ? openSync(path, OPEN_FLAGS) : slave;
};

const leadsTo = (path: string, slave: number): boolean => {
  const [named, opened] = [statSync(path, { throwIfNoEntry: false }), fstatSync(slave)];
  return named !== undefined && named.dev === opened.dev && named.ino === opened.ino;
};

const TIOCSWINSZ = 0x5414;
const TIOCGPTPEER = 0x5441;
const TIOCGPTN = 0x80045430;
const O_CLOEXEC = 0o2000000;

/** Sets the usual mode of a terminal: line editing, echo, signals by keys, UTF-8. */
const configure = (master: number, libc: Libc): void => {
  // struct termios: four words of flags, one byte for the line discipline, then the special characters.
  const termios = new Uint32Array(TERMIOS_WORDS);
  checked(libc.tcgetattr(master, termios), libc);
  termios.set([INPUT_FLAGS, OUTPUT_FLAGS, CONTROL_FLAGS, LOCAL_FLAGS]);
  const characters = new Uint8Array(termios.buffer, CHARACTERS_OFFSET);
  // No other end of a line than the line feed: 0xff occurs in no UTF-8 text.
  for (const index of [VEOL, VEOL2]) characters[index] = 0xff;
  checked(libc.tcsetattr(master, TCSANOW, termios), libc);
};

const TERMIOS_WORDS = 32;
const CHARACTERS_OFFSET = 17;
const VEOL = 11;
const VEOL2 = 16;
const TCSANOW = 0;
/** BRKINT, ICRNL, IXON, IXANY, IMAXBEL, IUTF8 */
const INPUT_FLAGS = 0x2 | 0x100 | 0x400 | 0x800 | 0x2000 | 0x4000;
/** OPOST, ONLCR */
const OUTPUT_FLAGS = 0x1 | 0x4;
/** B38400, CS8, CREAD, HUPCL */
const CONTROL_FLAGS = 0xf | 0x30 | 0x80 | 0x400;
/** ISIG, ICANON, ECHO, ECHOE, ECHOK, ECHOCTL, ECHOKE, IEXTEN */
const LOCAL_FLAGS = 0x1 | 0x2 | 0x8 | 0x10 | 0x20 | 0x200 | 0x800 | 0x8000;

import { closeSync, constants, openSync } from 'node:fs';
import { O_PATH } from './descriptor-path.ts';
import { inheritableDescriptors } from './inherited-descriptors.ts';
import { errnoName, type Libc, type Memory } from './libc.ts';

/** A program and everything that it is given. */
export type TerminalSpawn = {
  readonly file: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Path of the terminal. */
  readonly terminal: string;
  /** Descriptors of this process that the program gets as 3, 4 and so on. */
  readonly descriptors?: readonly number[] | undefined;
};

/**
 * Starts a program on a terminal, as the leader of a session that the terminal controls, with descriptors 0, 1 and 2
 * and those that it is given. When it returns, the program runs. The caller has to collect its status.
 *
 * @returns its pid
 * @throws {NodeJS.ErrnoException} with the `code` of what failed in the child: entering the directory or running the file
 */
export const spawnOnTerminal = (spawn: TerminalSpawn, libc: Libc): number => {
  try {
    return start(spawn, libc);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOEXEC') throw error;
    // A script without `#!`, which execvp(3) gives to the shell.
    const { file, argv } = spawn;
    return start({ ...spawn, file: SHELL, argv: [SHELL, file, ...argv.slice(1)] }, libc);
  }
};

const SHELL = '/bin/sh';

const start = ({ file, argv, env, cwd, terminal, descriptors = [] }: TerminalSpawn, libc: Libc): number => {
  const actions = new Uint8Array(OPAQUE_BYTES);
  const pid = new Int32Array(1);
  const args = new StringTable(argv, libc);
  const variables = new StringTable(
    Object.entries(env).map(([name, value]) => `${name}=${value}`),
    libc,
  );
  check(libc.actionsInit(actions));
  try {
    // The first terminal that the leader of a session opens controls the session.
    check(libc.addOpen(actions, 0, terminal, constants.O_RDWR, 0));
    for (const fd of [1, 2]) check(libc.addDup2(actions, 0, fd));
    // The path may be that of a descriptor of this process, which is open in the child until the others are closed.
    if (libc.addChdir !== undefined) check(libc.addChdir(actions, cwd));
    handOver(descriptors, actions, libc);
    closeOthers(actions, FIRST_GIVEN + descriptors.length, libc);
    const run = () =>
      check(libc.spawn(pid, file, actions, attributes(libc), args.pointers, variables.pointers));
    if (libc.addChdir === undefined) inDirectory(cwd, libc, run);
    else run();
    return pid[0] as number;
  } finally {
    libc.actionsDestroy(actions);
  }
};

/** More than any of the structures that only the C library knows the inside of: 336 bytes in glibc. */
const OPAQUE_BYTES = 1024;

/** A session of its own, no signal blocked, each signal as it is by default. */
const attributes = (libc: Libc): Memory => {
  made ??= makeAttributes(libc);
  return made;
};

let made: Memory | undefined;

const makeAttributes = (libc: Libc): Memory => {
  const memory = new Uint8Array(OPAQUE_BYTES);
  check(libc.attrInit(memory));
  check(libc.attrSetFlags(memory, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
  check(libc.attrSetSigMask(memory, new Uint8Array(SIGNAL_SET_BYTES)));
  check(libc.attrSetSigDefault(memory, new Uint8Array(SIGNAL_SET_BYTES).fill(0xff)));
  return memory;
};

const POSIX_SPAWN_SETSIGDEF = 0x04;
const POSIX_SPAWN_SETSIGMASK = 0x08;
const POSIX_SPAWN_SETSID = 0x80;
const SIGNAL_SET_BYTES = 128;

/** Gives descriptors their numbers by way of higher ones, since a number may still be that of another one. */
const handOver = (descriptors: readonly number[], actions: Memory, libc: Libc): void => {
  const above = Math.max(FIRST_GIVEN + descriptors.length, ...descriptors) + 1;
  for (const [index, fd] of descriptors.entries()) check(libc.addDup2(actions, fd, above + index));
  for (const index of descriptors.keys()) check(libc.addDup2(actions, above + index, FIRST_GIVEN + index));
  for (const index of descriptors.keys()) check(libc.addClose(actions, above + index));
};

const FIRST_GIVEN = 3;

/**
 * Closes all descriptors from a number on. What this process opened itself is close-on-exec; what it inherited, or the
 * program that it is part of opened, may not be.
 */
const closeOthers = (actions: Memory, from: number, libc: Libc): void => {
  if (libc.addCloseFrom !== undefined) check(libc.addCloseFrom(actions, from));
  else for (const fd of inheritableDescriptors(from)) check(libc.addClose(actions, fd));
};

/** Runs a function in another working directory. No other JavaScript of this thread runs in that time. */
const inDirectory = (cwd: string, libc: Libc, run: () => void): void => {
  const here = openSync('.', O_PATH | constants.O_DIRECTORY);
  try {
    if (libc.chdir(cwd) !== 0) check(libc.lastError());
    run();
  } finally {
    libc.fchdir(here);
    closeSync(here);
  }
};

const check = (errno: number): void => {
  if (errno === 0) return;
  const code = errnoName(errno);
  throw Object.assign(new Error(code), { code, errno: -errno });
};

/** Strings as C takes a list of them: an array of pointers, the last of which is null. */
class StringTable {
  readonly pointers: BigUint64Array;
  /** Referenced as long as the pointers are. */
  readonly bytes: Buffer;

  constructor(strings: readonly string[], libc: Libc) {
    const lengths = strings.map(text => Buffer.byteLength(text) + 1);
    // Zeroed, as each string ends with a zero.
    this.bytes = Buffer.alloc(lengths.reduce((sum, length) => sum + length, MIN_BYTES));
    this.pointers = new BigUint64Array(Math.max(strings.length + 1, MIN_BYTES));
    const base = libc.address(this.bytes);
    let offset = 0;
    for (const [index, text] of strings.entries()) {
      this.bytes.write(text, offset);
      this.pointers[index] = base + BigInt(offset);
      offset += lengths[index] as number;
    }
  }
}

/** Small arrays are in the heap of V8, which moves them. */
const MIN_BYTES = 128;

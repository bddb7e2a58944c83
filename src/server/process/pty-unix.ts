import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { launchFailed } from '../../protocol/errors.ts';
import { deadline } from '../../system/deadline.ts';
import { openMasters } from './open-masters.ts';
import type { PtyChild, PtyPlan } from './pty.ts';
import { loadPtyBinding } from './pty-binding.ts';
import { PtyExit } from './pty-exit.ts';
import { TerminalInput } from './pty-input.ts';
import { TerminalOutput } from './pty-output.ts';

/** Starts a child on a pseudoterminal; the directory and the program have been checked. */
export const startOnUnixPty = (plan: PtyPlan): PtyChild => {
  const { binding } = loadPtyBinding();
  const exit = new PtyExit();
  const { fd, pid, pty: terminal } = fork(plan, (code, signal) => onChildExit(code, signal));
  let slave = holdOpen(terminal, plan.platform);
  untilItLeads(pid, plan.platform);
  // Open halfway: otherwise the stream would close the terminal by itself when the output ends.
  const master = new ReadStream(fd, { allowHalfOpen: true });
  const isOpen = () => !master.destroyed;
  const entry = { fd, isOpen };
  openMasters.add(entry);
  const output = new TerminalOutput(master, fd);
  const input = new TerminalInput(fd, isOpen);

  const letGoOfSlave = () => {
    if (slave !== undefined) closeSync(slave);
    slave = undefined;
  };
  const destroy = () => {
    letGoOfSlave();
    openMasters.delete(entry);
    input.destroy();
    output.destroy();
    master.destroy();
  };
  const onChildExit = (code: number, signal: number) => {
    letGoOfSlave();
    exit.settle(code, signal);
    if (output.closed) destroy();
  };
  // While the child lives, closing the terminal would hang it up, though it has only let go of it.
  output.on('close', () => {
    if (exit.happened) destroy();
  });

  return {
    pid,
    input,
    output,
    terminal,
    isOpen,
    onExit: listener => exit.listen(listener),
    resize: ({ columns, rows }) => {
      if (isOpen()) binding.resize(fd, columns, rows);
    },
    destroy,
  };
};

const fork = (
  { argv: [program, ...args], env, cwd, size }: PtyPlan,
  onExit: (exitCode: number, signal: number) => void,
) => {
  const { binding, helperPath } = loadPtyBinding();
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  try {
    return binding.fork(
      program,
      args,
      variables,
      cwd,
      size.columns,
      size.rows,
      KEEP_ID,
      KEEP_ID,
      true,
      helperPath,
      onExit,
    );
  } catch (cause) {
    const errno = terminalErrno();
    throw launchFailed(
      `cannot open a terminal: ${errno}`,
      { stage: 'pty', errno, path: MULTIPLEXER },
      { cause },
    );
  }
};

const KEEP_ID = -1;

// The native module doesn't tell why it failed. Most reasons show again when both of its sides are opened.
const terminalErrno = (): string => {
  const opened: number[] = [];
  try {
    for (const path of [MULTIPLEXER, '/dev/null'])
      opened.push(openSync(path, constants.O_RDWR | constants.O_NOCTTY));
    return 'UNKNOWN';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'UNKNOWN';
  } finally {
    for (const fd of opened) closeSync(fd);
  }
};

const MULTIPLEXER = '/dev/ptmx';

/**
 * Keeps the child's side of a terminal open while the child lives, so that a program that closes its
 * standard streams and opens /dev/tty later is still heard. Elsewhere than on Linux this may not be: there
 * the last one to close waits until all output is read, and that would be us, who must read it.
 */
const holdOpen = (terminal: string, platform: NodeJS.Platform): number | undefined => {
  if (platform !== 'linux') return undefined;
  try {
    return openSync(terminal, constants.O_RDWR | constants.O_NOCTTY);
  } catch {
    // The path may mean nothing here, where /dev/pts is mounted apart. Only late output is at stake.
    return undefined;
  }
};

/**
 * Waits until a child leads its process group and, where that can be told, has its terminal. Both come only after
 * the fork. Until then a signal to the group would reach nobody, as if everything had ended, and so would a
 * Ctrl-C that is typed.
 */
const untilItLeads = (pid: number, platform: NodeJS.Platform): void => {
  const end = deadline(LEADER_WAIT_MS);
  const leads = () => reaches(-pid) && (platform !== 'linux' || hasTerminal(pid));
  // A child that is gone already has been one.
  while (!leads() && reaches(pid) && !end.passed) Atomics.wait(NEVER_CHANGES, 0, 0, POLL_MS);
};

// As a rule it takes less than one poll; a machine that doesn't get to it in that time is lost anyway.
const LEADER_WAIT_MS = 5_000;
const POLL_MS = 0.05;
const NEVER_CHANGES = new Int32Array(new SharedArrayBuffer(4));

const reaches = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // A child that runs as somebody else, by set-user-ID, is there all the same.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

// One that is gone has had it, and where there is no /proc nobody can tell.
const hasTerminal = (pid: number): boolean => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, , , , terminal] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return terminal !== '0' || state === 'Z';
  } catch {
    return true;
  }
};

import { closeSync, constants, openSync } from 'node:fs';
import type { EndListener } from '../../../system/child-reaper.ts';
import { deadline } from '../../../system/deadline.ts';
import { loadPtyBinding } from './pty-binding.ts';
import type { PtyPlan } from './pty-child.ts';
import { MULTIPLEXER, type StartedTerminal, terminalFailure } from './started-terminal.ts';

/**
 * Starts a child on a new terminal by node-pty, whose helper closes inherited descriptors in the child. The directory
 * and the program have been checked.
 *
 * @throws {ExecServerError} `unsupported`, `launchFailed` at stage `pty`
 */
export const forkOnUnix = (plan: PtyPlan, onExit: EndListener): StartedTerminal => {
  const { binding } = loadPtyBinding();
  const { fd, pid, pty: path } = fork(plan, onExit);
  waitForProcessGroup(pid);
  const resize = (columns: number, rows: number) => binding.resize(fd, columns, rows);
  // The child's side is not kept open here: macOS blocks the last process that closes it until all output is read.
  return { pid, fd, path, resize, closeSlave: () => {} };
};

const fork = ({ argv: [program, ...args], env, cwd, size }: PtyPlan, onExit: EndListener) => {
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
    throw terminalFailure(terminalErrno(), cause);
  }
};

const KEEP_ID = -1;

// The native module reports no error number. Most errors occur again when the same files are opened.
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

/**
 * Waits until a child leads its process group, which happens after the fork. A signal to the group before that would
 * reach no process, as if the group had ended.
 */
const waitForProcessGroup = (pid: number): void => {
  const end = deadline(LEADER_WAIT_MS);
  // A child that is gone already has been a leader.
  while (!reaches(-pid) && reaches(pid) && !end.passed) Atomics.wait(NEVER_CHANGES, 0, 0, POLL_MS);
};

// It usually takes less than one poll.
const LEADER_WAIT_MS = 5_000;
const POLL_MS = 0.05;
const NEVER_CHANGES = new Int32Array(new SharedArrayBuffer(4));

const reaches = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // The child runs as another user, by set-user-ID.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

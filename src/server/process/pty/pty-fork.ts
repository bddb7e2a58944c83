import { closeSync, constants, openSync } from 'node:fs';
import type { EndListener } from '../../../system/child-reaper.ts';
import { deadline } from '../../../system/deadline.ts';
import type { PtyPlan } from './pty.ts';
import { loadPtyBinding } from './pty-binding.ts';
import { MULTIPLEXER, type StartedTerminal, terminalFailure } from './started-terminal.ts';

/**
 * Starts a child on a new terminal by node-pty, whose helper closes in the child what isn't its own; the directory and
 * the program have been checked.
 *
 * @throws {ExecServerError} `unsupported`, `launchFailed` at stage `pty`
 */
export const forkOnUnix = (plan: PtyPlan, onExit: EndListener): StartedTerminal => {
  const { binding } = loadPtyBinding();
  const { fd, pid, pty: path } = fork(plan, onExit);
  untilItLeads(pid);
  const resize = (columns: number, rows: number) => binding.resize(fd, columns, rows);
  // The child's side is not kept open here: the last one to close it waits until all output is read, by us.
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

/**
 * Waits until a child leads its process group, which comes only after the fork. Until then a signal to the group would
 * reach no process, as if everything had ended.
 */
const untilItLeads = (pid: number): void => {
  const end = deadline(LEADER_WAIT_MS);
  // A child that is gone already has been one.
  while (!reaches(-pid) && reaches(pid) && !end.passed) Atomics.wait(NEVER_CHANGES, 0, 0, POLL_MS);
};

// As a rule it takes less than one poll; a machine that doesn't get to it in that time is lost anyway.
const LEADER_WAIT_MS = 5_000;
const POLL_MS = 0.05;
const NEVER_CHANGES = new Int32Array(new SharedArrayBuffer(4));

const reaches = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // A child that runs as another user, by set-user-ID, exists all the same.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

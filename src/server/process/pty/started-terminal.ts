import { type ExecServerError, launchFailed } from '../../../protocol/errors.ts';

/** A child that runs on a new terminal, as one of the ways to start it leaves it. */
export type StartedTerminal = {
  readonly pid: number;
  /** Our side of the terminal. */
  readonly fd: number;
  /** Path of the child's side. */
  readonly path: string;
  resize(columns: number, rows: number): void;
  /** Closes the child's side here, where it is kept open as long as the child lives. Called once. */
  closeSlave(): void;
};

/** The file that new terminals are opened by. */
export const MULTIPLEXER = '/dev/ptmx';

export const terminalFailure = (errno: string, cause: unknown): ExecServerError =>
  launchFailed(`cannot open a terminal: ${errno}`, { stage: 'pty', errno, path: MULTIPLEXER }, { cause });

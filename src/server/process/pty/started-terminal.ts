import { type ExecServerError, launchFailed } from '../../../protocol/errors.ts';

/** A child that was started on a new terminal. */
export type StartedTerminal = {
  readonly pid: number;
  /** Our side of the terminal. */
  readonly fd: number;
  /** Path of the child's side. */
  readonly path: string;
  resize(columns: number, rows: number): void;
  /** Closes the child's side, if it is kept open here while the child runs. Called once. */
  closeSlave(): void;
};

/** The device that opens new terminals. */
export const MULTIPLEXER = '/dev/ptmx';

export const terminalFailure = (errno: string, cause: unknown): ExecServerError =>
  launchFailed(`cannot open a terminal: ${errno}`, { stage: 'pty', errno, path: MULTIPLEXER }, { cause });

import type { Readable, Writable } from 'node:stream';
import { unsupported } from '../../../protocol/errors.ts';
import type { TerminalSize } from '../../../protocol/process.ts';
import { foreseeLaunchFailure, type LaunchAttempt } from '../start/launch-failure.ts';
import { startOnUnixPty } from './pty-unix.ts';
import { startOnConPty } from './pty-windows.ts';

/** Everything about a child on a terminal that is decided before it starts. */
export type PtyPlan = LaunchAttempt & {
  readonly arg0: string | undefined;
  readonly size: TerminalSize;
  /** Descriptors of this process that the child gets as 3, 4 and so on; on Linux only. */
  readonly descriptors?: readonly number[];
};

export type ExitListener = (code: number | null, signal: NodeJS.Signals | null) => void;

/** A child on a terminal of its own: leader of its session and its process group. */
export type PtyChild = {
  readonly pid: number;
  /**
   * What is typed. Bytes wait here while the child doesn't read. A terminal can't be closed halfway: after
   * `end()` nothing more is sent, and the child notices nothing.
   */
  readonly input: Writable;
  /**
   * What the child and its descendants wrote, as raw bytes. It ends when none of them has the terminal open
   * any more, on Linux never before the child has ended. While it is paused nothing is lost.
   */
  readonly output: Readable;
  /** The path of the terminal, empty on Windows. */
  readonly terminal: string;
  /** Whether our side is open; after that the path may be another terminal's. */
  isOpen(): boolean;
  /**
   * Calls back when the child has ended: at once on Unix, with the end of the output on Windows. It never
   * calls before the caller has returned, and calls a listener that comes late too.
   */
  onExit(listener: ExitListener): void;
  /** Changes the size. The foreground group gets SIGWINCH. Nothing happens when the terminal is closed. */
  resize(size: TerminalSize): void;
  /**
   * Closes our side, with what is unread; who still has the terminal gets SIGHUP. It happens by itself when
   * the child has ended and the output is read. Idempotent.
   */
  destroy(): void;
};

/**
 * Starts a child on a new terminal.
 *
 * @throws {ExecServerError} `unsupported` if there are no terminals here or, elsewhere than on Linux, `arg0` differs from the program,
 *   `launchFailed` with the stage that failed
 */
export const startOnPty = (plan: PtyPlan): PtyChild => {
  // There the start itself reports them.
  if (plan.platform === 'linux') return startOnUnixPty(plan);
  if (plan.arg0 !== undefined && plan.arg0 !== plan.argv[0])
    throw unsupported('arg0', `on a terminal on ${plan.platform} it has to be the program`);
  const problem = foreseeLaunchFailure(plan);
  if (problem !== undefined) throw problem;
  return plan.platform === 'win32' ? startOnConPty(plan) : startOnUnixPty(plan);
};

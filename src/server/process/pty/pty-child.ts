import type { Readable, Writable } from 'node:stream';
import type { TerminalSize } from '../../../protocol/process.ts';
import type { ExitListener } from '../child-exit.ts';
import type { LaunchAttempt } from '../start/launch-failure.ts';

/** A start on a terminal. */
export type PtyPlan = LaunchAttempt & {
  readonly arg0: string | undefined;
  readonly size: TerminalSize;
  /** Descriptors of this process that the child gets as 3, 4 and so on; Linux only. */
  readonly descriptors?: readonly number[];
};

/** A child on a terminal of its own: leader of its session and its process group. */
export type PtyChild = {
  readonly pid: number;
  /**
   * Keyboard input. Bytes wait here while the child does not read. A terminal has no end of file of its own: after
   * `end()` nothing more is sent, and the child does not notice.
   */
  readonly input: Writable;
  /**
   * Raw output of the child and its descendants. It ends when none of them has the terminal open, on Linux not before
   * the child has exited. No output is lost while it is paused.
   */
  readonly output: Readable;
  /** Path of the terminal, empty on Windows. */
  readonly terminal: string;
  /** True while our side is open; after that the path may be that of another terminal. */
  isOpen(): boolean;
  /**
   * Calls back when the child has exited: on Unix immediately, on Windows with the end of the output. It never calls
   * before `onExit` has returned, and calls a listener that was added late, too.
   */
  onExit(listener: ExitListener): void;
  /** Changes the size; the foreground group gets SIGWINCH. Does nothing on a closed terminal. */
  resize(size: TerminalSize): void;
  /**
   * Closes our side and discards unread output; processes that still have the terminal get SIGHUP. Called automatically
   * when the child has exited and its output was read. Idempotent.
   */
  destroy(): void;
};

import type { EventEmitter } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import type { OutputStream, TerminalSize } from '../../protocol/process.ts';
import type { PinnedFile } from '../../system/pinned-file.ts';
import type { DenialDetector } from '../sandbox/denial-detector.ts';
import type { SandboxedCommand } from '../sandbox/sandboxed-command.ts';
import type { ExitListener } from './child-exit.ts';

/**
 * Output stream of a child: a stream of Node, read only by its `data` events, from `resume` on. The bytes of an event
 * are valid only while it is handled.
 */
export type Output = EventEmitter &
  Pick<Readable, 'pause' | 'resume' | 'destroy' | 'destroyed' | 'readableEnded'>;

/** A started process, on pipes or on a terminal. */
export type Child = {
  readonly pid: number;
  /** Set in a sandbox, where `pid` is that of bubblewrap: the program itself, and the denials in its output. */
  readonly sandboxed?: { readonly command: SandboxedCommand; readonly denial: DenialDetector } | undefined;
  /** `null` if stdin is the null device. */
  readonly stdin: Writable | null;
  readonly outputs: { readonly [Stream in OutputStream]?: Output | null };
  /** The terminal, if it has a name; after our side is closed, another terminal may get the name. */
  readonly terminal?: { readonly path: string; isOpen(): boolean } | undefined;
  /**
   * Pins the streams that other processes may have open, to search for their holders: outputs that have not ended and
   * are open here, and stdin while a process reads it. Empty where the descriptors of processes cannot be listed.
   */
  pinStreams(): readonly PinnedFile[];
  /** Calls back once, when the process has exited. */
  onExit(listener: ExitListener): void;
  /** Sets the size of the terminal; never called without one. */
  resize(size: TerminalSize): void;
  /** Closes our ends of the streams, even if other processes hold theirs. Idempotent. */
  cut(): void;
};

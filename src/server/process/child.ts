import type { EventEmitter } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import type { OutputStream, TerminalSize } from '../../protocol/process.ts';
import type { PinnedFile } from '../../system/pinned-file.ts';
import type { Denial } from '../sandbox/denial.ts';
import type { SandboxedCommand } from '../sandbox/sandboxed-command.ts';

/**
 * What a child writes to one stream: a stream of Node's, read by its `data` events alone, from `resume` on. The bytes
 * of an event are good only while it is handled.
 */
export type Output = EventEmitter &
  Pick<Readable, 'pause' | 'resume' | 'destroy' | 'destroyed' | 'readableEnded'>;

/** A started process, whatever its streams are made of. */
export type Child = {
  readonly pid: number;
  /** In a sandbox: the program itself, of which `pid` is only the keeper, and what it runs into. */
  readonly confined?: { readonly command: SandboxedCommand; readonly denial: Denial } | undefined;
  /** `null` for a child without a stdin to write to. */
  readonly stdin: Writable | null;
  readonly outputs: { readonly [Stream in OutputStream]?: Output | null };
  /** The terminal that it was started on, if that has a name; once our side is closed, another one may have it. */
  readonly terminal?: { readonly path: string; isOpen(): boolean } | undefined;
  /**
   * Pins those of its streams that other processes may have open, for a search: outputs that haven't ended and are open
   * here, and stdin while it is read. None where no process can be looked into.
   */
  pinStreams(): readonly PinnedFile[];
  /** Calls back once, as soon as the process has ended. */
  onExit(listener: (code: number | null, signal: NodeJS.Signals | null) => void): void;
  /** Sets the size of its terminal; without one it is never called. */
  resize(size: TerminalSize): void;
  /** Closes our ends of its streams, though others may still hold theirs. Idempotent. */
  cut(): void;
};

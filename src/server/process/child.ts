import type { Readable, Writable } from 'node:stream';
import type { OutputStream, TerminalSize } from '../../protocol/process.ts';

/** A started process, whatever its streams are made of. */
export type Child = {
  readonly pid: number;
  /** `null` for a child without a stdin to write to. */
  readonly stdin: Writable | null;
  readonly outputs: { readonly [Stream in OutputStream]?: Readable | null };
  /** What a holder of one of its streams has in /proc/PID/fd; empty where that isn't known. */
  readonly links: readonly string[];
  /** Calls back once, as soon as the process has ended. */
  onExit(listener: (code: number | null, signal: NodeJS.Signals | null) => void): void;
  /** Sets the size of its terminal; without one it is never called. */
  resize(size: TerminalSize): void;
  /** Closes our ends of its streams, whoever still holds the others. Twice is harmless. */
  cut(): void;
};

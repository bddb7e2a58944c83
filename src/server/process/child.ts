import type { EventEmitter } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import type { OutputStream, TerminalSize } from '../../protocol/process.ts';
import type { ConfinedCommand } from '../sandbox/confined-command.ts';
import type { Denial } from '../sandbox/denial.ts';

/**
 * What a child writes to one stream: a stream of Node's, read by its `data` events alone, from `resume` on. The bytes
 * of an event are good only while it is handled.
 */
export type Output = EventEmitter & Pick<Readable, 'pause' | 'resume' | 'destroy' | 'destroyed'>;

/** A started process, whatever its streams are made of. */
export type Child = {
  readonly pid: number;
  /** In a sandbox: the program itself, of which `pid` is only the keeper, and what it runs into. */
  readonly confined?: { readonly command: ConfinedCommand; readonly denial: Denial } | undefined;
  /** `null` for a child without a stdin to write to. */
  readonly stdin: Writable | null;
  readonly outputs: { readonly [Stream in OutputStream]?: Output | null };
  /** What a holder of one of its streams has in /proc/PID/fd; empty where that isn't known. */
  readonly links: readonly string[];
  /** Those of them that are nobody else's: once our side is closed, a pipe or the number of a terminal may be another's. */
  ownLinks(): readonly string[];
  /** The link of its stdin while others have it open to read: of that its outputs tell nothing. */
  readLinks(): readonly string[];
  /** Calls back once, as soon as the process has ended. */
  onExit(listener: (code: number | null, signal: NodeJS.Signals | null) => void): void;
  /** Sets the size of its terminal; without one it is never called. */
  resize(size: TerminalSize): void;
  /** Closes our ends of its streams, whoever still holds the others. Twice is harmless. */
  cut(): void;
};

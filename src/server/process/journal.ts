import {
  type ExitReason,
  type OutputStream,
  processClosed,
  processExited,
  processOutputDropped,
  type StreamBytes,
} from '../../protocol/process.ts';
import type { Holder } from '../../system/holders.ts';
import type { Outlet } from '../outlet.ts';
import type { Exit } from './ending.ts';
import type { Chunk } from './output/head-tail.ts';
import type { LogSlice, OutputLog } from './output/output-log.ts';

/** Messages about one process, and the only place that numbers them. Retains output for `process/read`. */
export class Journal {
  readonly #processId: string;
  readonly #outbound: Outlet;
  readonly #log: OutputLog;
  readonly #senders = new Map<OutputStream, (seq: number, chunk: Buffer) => void>();
  readonly #listeners = new Set<() => void>();
  #seq = 0;

  constructor(processId: string, outbound: Outlet, log: OutputLog) {
    this.#processId = processId;
    this.#outbound = outbound;
    this.#log = log;
  }

  /** Number of the next message. */
  get nextSeq(): number {
    return this.#seq + 1;
  }

  /** Cost of the retained output, in bytes. */
  get retainedBytes(): number {
    return this.#log.heldBytes;
  }

  /** Number of listeners that wait for a change. */
  get listenerCount(): number {
    return this.#listeners.size;
  }

  /** Sends a chunk and returns its number. */
  sendOutput({ stream, bytes }: Chunk): number {
    const send = this.#senders.get(stream) ?? this.#outbound.outputSender(this.#processId, stream);
    this.#senders.set(stream, send);
    const seq = this.#takeSeq();
    this.#log.add({ seq, stream, bytes });
    send(seq, bytes);
    this.#notifyChanged();
    return seq;
  }

  sendDropped(bytes: StreamBytes): void {
    this.#outbound.notify(processOutputDropped, { processId: this.#processId, seq: this.#takeSeq(), bytes });
  }

  /** @param reason why the process was stopped, if it was */
  sendExited({ exitCode, signal }: Exit, reason: ExitReason | undefined, sandboxDenied: boolean): void {
    this.#outbound.notify(processExited, {
      processId: this.#processId,
      seq: this.#takeSeq(),
      exitCode,
      sandboxDenied,
      signal: signal ?? null,
      reason: reason ?? (signal === undefined ? 'exited' : 'signaled'),
    });
    this.#notifyChanged();
  }

  sendClosed(bytes: StreamBytes, holders: readonly Holder[] | undefined): void {
    this.#outbound.notify(processClosed, {
      processId: this.#processId,
      seq: this.#takeSeq(),
      bytes,
      holders: holders && [...holders],
    });
    this.#notifyChanged();
  }

  /** The retained output after a number, see {@link OutputLog.read}. */
  read(afterSeq: number, maxBytes: number): LogSlice {
    return this.#log.read(afterSeq, maxBytes);
  }

  /** Upper bound of what `read` returns. */
  sizeAfter(afterSeq: number, maxBytes: number): ReturnType<OutputLog['sizeAfter']> {
    return this.#log.sizeAfter(afterSeq, maxBytes);
  }

  /** Releases the retained output. */
  forget(): void {
    this.#log.close();
  }

  /** Calls back once, at the next output, exit or close; returns a function that removes the listener. */
  onNextChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #notifyChanged(): void {
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  }

  #takeSeq(): number {
    this.#seq += 1;
    return this.#seq;
  }
}

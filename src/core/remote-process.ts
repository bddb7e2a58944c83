import type { ParamsOut } from '../protocol/define.ts';
import { limitExceeded } from '../protocol/errors.ts';
import { requests, type ServerNotifications } from '../protocol/messages.ts';
import {
  type ExitReason,
  type OutputStream,
  processOutput,
  type StreamBytes,
  type TerminalSize,
} from '../protocol/process.ts';
import type { ClientConnection } from './client-connection.ts';
import { ConnectionLostError, RequestError } from './errors.ts';
import {
  ACKNOWLEDGE_BYTES,
  MAX_COLLECTED_BYTES,
  MAX_UNACKNOWLEDGED_BYTES,
  MAX_UNANSWERED_ACKNOWLEDGEMENTS,
  OUTPUT_WINDOW_BYTES,
} from './limits.ts';
import { type NumberedChunk, type OutputChunk, OutputQueue } from './output-queue.ts';

/** How a process ended. */
export type ProcessExit = {
  /** Its exit code; 128+n after signal n. */
  readonly exitCode: number;
  /** The signal that ended it, if one did. */
  readonly signal: string | undefined;
  readonly reason: ExitReason;
};

/** All that a process wrote, by stream, and how it ended. */
export type ProcessResult = ProcessExit & {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  /** What came from its terminal, if it had one. */
  readonly pty: Buffer;
  /** Bytes that were dropped between head and tail; only with `output: 'headTail'`. */
  readonly droppedBytes: number;
};

/** How a process was closed. */
export type ProcessClose = {
  /** Who still held its streams when they were cut; absent if they ended by themselves. */
  readonly holders?: readonly { readonly pid: number; readonly name: string }[] | undefined;
};

/** A process on the other side of a connection. */
export class RemoteProcess {
  readonly id: string;

  /**
   * What the process writes, in the order in which the server read it. It ends with the last byte of its
   * streams, and fails if the connection is lost before. For one reader.
   *
   * Read it, or use `collect()`: while too much of it waits, the process waits, as on a pipe.
   */
  readonly output: AsyncIterable<OutputChunk>;

  /** Resolves when the process has ended, which may be before its output has. Rejects if that is never known. */
  readonly exit: Promise<ProcessExit>;

  /** Resolves when nothing more comes of the process. Rejects if the connection is lost before. */
  readonly closed: Promise<ProcessClose>;

  readonly #connection: ClientConnection;
  readonly #queue: OutputQueue;
  readonly #received = { stdout: 0, stderr: 0, pty: 0 };
  #resolveExit: (exit: ProcessExit) => void = () => {};
  #rejectExit: (error: Error) => void = () => {};
  #resolveClosed: (close: ProcessClose) => void = () => {};
  #rejectClosed: (error: Error) => void = () => {};
  #writes = 0;
  /** Bytes that are read and not acknowledged. */
  #unacknowledged = 0;
  #unansweredAcknowledgements = 0;
  #droppedBefore = 0;
  #over = false;

  constructor(id: string, connection: ClientConnection) {
    this.id = id;
    this.#connection = connection;
    this.#queue = new OutputQueue(chunk => this.#onRead(chunk));
    this.output = this.#queue;
    this.exit = new Promise((resolve, reject) => {
      this.#resolveExit = resolve;
      this.#rejectExit = reject;
    });
    this.closed = new Promise((resolve, reject) => {
      this.#resolveClosed = resolve;
      this.#rejectClosed = reject;
    });
    // Whoever doesn't ask for them doesn't have to handle their failure.
    this.exit.catch(() => {});
    this.closed.catch(() => {});
  }

  /** Bytes of output that have arrived and wait to be read. */
  get unreadBytes(): number {
    return this.#queue.bytes;
  }

  /**
   * Writes to stdin, after earlier writes.
   *
   * @returns `false` if nobody will read it: the process has closed its stdin, has ended, or was started
   * without one
   */
  async write(bytes: Uint8Array | string): Promise<boolean> {
    this.#writes += 1;
    const { status } = await this.#connection.request(requests.processWrite, {
      processId: this.id,
      chunk: Buffer.from(bytes as Uint8Array),
      writeId: String(this.#writes),
    });
    return status === 'accepted';
  }

  /** Ends stdin after earlier writes: the process reads end of file. */
  async closeStdin(): Promise<void> {
    await this.#connection.request(requests.processCloseStdin, { processId: this.id });
  }

  /** Sends a signal (`SIGINT`, `TERM`, …), to the process's group unless told otherwise; nothing happens if it has ended. */
  async signal(signal: string, target: 'process' | 'group' | 'tree' = 'group'): Promise<void> {
    await this.#connection.request(requests.processSignal, { processId: this.id, signal, target });
  }

  /** Changes the size of the process's terminal. */
  async resize(size: TerminalSize): Promise<void> {
    await this.#connection.request(requests.processResize, { processId: this.id, size });
  }

  /** Ends the process: SIGTERM and, where that doesn't help, SIGKILL. Tells whether it was running. */
  async terminate(): Promise<boolean> {
    const { running } = await this.#connection.request(requests.processTerminate, { processId: this.id });
    return running;
  }

  /**
   * Reads all output and waits for the end. Everything is held in memory.
   *
   * @param maxBytes ends the process when it writes more
   * @throws {RequestError} `limitExceeded`, for more output than that
   */
  async collect({ maxBytes = MAX_COLLECTED_BYTES } = {}): Promise<ProcessResult> {
    const chunks: Record<OutputStream, Buffer[]> = { stdout: [], stderr: [], pty: [] };
    let bytes = 0;
    let droppedBytes = 0;
    for await (const { stream, chunk, droppedBefore = 0 } of this.output) {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        this.terminate().catch(() => {});
        throw new RequestError(processOutput.method, limitExceeded('collectedBytes', bytes, maxBytes));
      }
      chunks[stream].push(chunk);
      droppedBytes += droppedBefore;
    }
    return {
      stdout: Buffer.concat(chunks.stdout),
      stderr: Buffer.concat(chunks.stderr),
      pty: Buffer.concat(chunks.pty),
      droppedBytes,
      ...(await this.exit),
    };
  }

  /** The server sent output. */
  onOutput({ seq, stream, chunk }: ParamsOut<ServerNotifications['processOutput']>): void {
    this.#received[stream] += chunk.length;
    const unacknowledged = this.unreadBytes + this.#unacknowledged + chunk.length;
    if (unacknowledged > MAX_UNACKNOWLEDGED_BYTES) {
      this.#connection.giveUp(
        `process/output: process ${this.id} has ${unacknowledged} bytes of unacknowledged output, over the window of ${OUTPUT_WINDOW_BYTES}`,
      );
      return;
    }
    const dropped = this.#droppedBefore;
    this.#droppedBefore = 0;
    this.#queue.push({ seq, stream, chunk, ...(dropped > 0 && { droppedBefore: dropped }) });
  }

  /** The server dropped output. */
  onOutputDropped({ bytes }: ParamsOut<ServerNotifications['processOutputDropped']>): void {
    this.#droppedBefore += bytes.stdout + bytes.stderr + bytes.pty;
  }

  /** The server told of the exit. */
  onExited({ exitCode, signal, reason }: ParamsOut<ServerNotifications['processExited']>): void {
    this.#resolveExit({ exitCode, signal, reason });
  }

  /** The server told that nothing more comes. */
  onClosed({ bytes, holders }: ParamsOut<ServerNotifications['processClosed']>): void {
    this.#over = true;
    this.#rejectExit(new ConnectionLostError('the server told no exit of the process'));
    this.#queue.end(bytes && incompleteness(bytes, this.#received));
    this.#resolveClosed({ holders });
  }

  /** Nothing more will be known of it. */
  onLost(error: Error): void {
    this.#over = true;
    this.#rejectExit(error);
    this.#rejectClosed(error);
    this.#queue.end(error);
  }

  #onRead({ seq, chunk }: NumberedChunk): void {
    this.#unacknowledged += chunk.length;
    if (this.#over || this.#unacknowledged < ACKNOWLEDGE_BYTES) return;
    this.#unacknowledged = 0;
    void this.#acknowledge(seq);
  }

  async #acknowledge(seq: number): Promise<void> {
    this.#unansweredAcknowledgements += 1;
    if (this.#unansweredAcknowledgements > MAX_UNANSWERED_ACKNOWLEDGEMENTS) {
      this.#connection.giveUp(
        `process/acknowledge: process ${this.id} has ${this.#unansweredAcknowledgements} requests without an answer, over the limit of ${MAX_UNANSWERED_ACKNOWLEDGEMENTS}`,
      );
      return;
    }
    try {
      await this.#connection.request(requests.processAcknowledge, { processId: this.id, seq });
    } catch {
      // The reader of the output gets the error of a lost connection.
    }
    this.#unansweredAcknowledgements -= 1;
  }
}

const incompleteness = (sent: StreamBytes, received: StreamBytes): Error | undefined => {
  const differing = (['stdout', 'stderr', 'pty'] as const).filter(
    stream => sent[stream] !== received[stream],
  );
  if (differing.length === 0) return undefined;
  const counts = differing.map(stream => `${received[stream]} of ${sent[stream]} bytes of ${stream}`);
  return new ConnectionLostError(`output is incomplete: received ${counts.join(', ')}`);
};

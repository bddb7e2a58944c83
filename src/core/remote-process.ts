import type { ParamsOut } from '../protocol/define.ts';
import { requests, type ServerNotifications } from '../protocol/messages.ts';
import type { ExitReason, OutputStream } from '../protocol/process.ts';
import type { ClientConnection } from './client-connection.ts';
import { ConnectionLostError } from './errors.ts';
import { type OutputChunk, OutputQueue } from './output-queue.ts';

/** How a process ended. */
export type ProcessExit = {
  /** Its exit code; 128+n after signal n. */
  readonly exitCode: number;
  /** The signal that ended it, if one did. */
  readonly signal: string | undefined;
  readonly reason: ExitReason;
};

/** All that a process wrote, by stream, and how it ended. */
export type ProcessResult = ProcessExit & { readonly stdout: Buffer; readonly stderr: Buffer };

/** A process on the other side of a connection. */
export class RemoteProcess {
  readonly id: string;

  /**
   * What the process writes, in the order in which the server read it. It ends with the last byte of its
   * streams, and fails if the connection is lost before. For one reader.
   *
   * Read it, or use `collect()`: while too much of it waits, the process and the whole connection wait.
   */
  readonly output: AsyncIterable<OutputChunk>;

  /** Resolves when the process has ended, which may be before its output has. Rejects if that is never known. */
  readonly exit: Promise<ProcessExit>;

  readonly #connection: ClientConnection;
  readonly #queue: OutputQueue;
  readonly #received = { stdout: 0, stderr: 0, pty: 0 };
  #resolveExit: (exit: ProcessExit) => void = () => {};
  #rejectExit: (error: Error) => void = () => {};
  #writes = 0;

  constructor(id: string, connection: ClientConnection, onRead: () => void) {
    this.id = id;
    this.#connection = connection;
    this.#queue = new OutputQueue(onRead);
    this.output = this.#queue;
    this.exit = new Promise((resolve, reject) => {
      this.#resolveExit = resolve;
      this.#rejectExit = reject;
    });
    // Whoever doesn't ask for the exit doesn't have to handle its failure.
    this.exit.catch(() => {});
  }

  /** Bytes of output that wait to be read. */
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
      chunk: Buffer.from(bytes as Uint8Array).toString('base64'),
      writeId: String(this.#writes),
    });
    return status === 'accepted';
  }

  /** Ends stdin after earlier writes: the process reads end of file. */
  async closeStdin(): Promise<void> {
    await this.#connection.request(requests.processCloseStdin, { processId: this.id });
  }

  /** Sends a signal (`SIGINT`, `TERM`, …) to the process's group; nothing happens if it has ended. */
  async signal(signal: string): Promise<void> {
    await this.#connection.request(requests.processSignal, { processId: this.id, signal });
  }

  /** Ends the process: SIGTERM and, where that doesn't help, SIGKILL. Tells whether it was running. */
  async terminate(): Promise<boolean> {
    const { running } = await this.#connection.request(requests.processTerminate, { processId: this.id });
    return running;
  }

  /** Reads all output and waits for the end. Everything is held in memory. */
  async collect(): Promise<ProcessResult> {
    const chunks: Record<OutputStream, Buffer[]> = { stdout: [], stderr: [], pty: [] };
    for await (const { stream, chunk } of this.output) chunks[stream].push(chunk);
    return {
      stdout: Buffer.concat(chunks.stdout),
      stderr: Buffer.concat(chunks.stderr),
      ...(await this.exit),
    };
  }

  /** The server sent output. */
  onOutput({ stream, chunk }: ParamsOut<ServerNotifications['processOutput']>): void {
    this.#received[stream] += chunk.length;
    this.#queue.push({ stream, chunk });
  }

  /** The server told of the exit. */
  onExited({ exitCode, signal, reason }: ParamsOut<ServerNotifications['processExited']>): void {
    this.#resolveExit({ exitCode, signal, reason });
  }

  /** The server told that nothing more comes. */
  onClosed({ bytes }: ParamsOut<ServerNotifications['processClosed']>): void {
    this.#rejectExit(new ConnectionLostError('the server told no exit of the process'));
    this.#queue.end(bytes && incompleteness(bytes, this.#received));
  }

  /** Nothing more will be known of it. */
  onLost(error: Error): void {
    this.#rejectExit(error);
    this.#queue.end(error);
  }
}

type StreamBytes = { readonly [Stream in OutputStream]: number };

const incompleteness = (sent: StreamBytes, received: StreamBytes): Error | undefined => {
  const differing = (['stdout', 'stderr', 'pty'] as const).filter(
    stream => sent[stream] !== received[stream],
  );
  if (differing.length === 0) return undefined;
  const counts = differing.map(stream => `${received[stream]} of ${sent[stream]} bytes of ${stream}`);
  return new ConnectionLostError(`output is incomplete: received ${counts.join(', ')}`);
};

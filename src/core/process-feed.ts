import type { ParamsOut } from '../protocol/define.ts';
import { requests, type ServerNotifications } from '../protocol/messages.ts';
import type { StreamBytes } from '../protocol/process.ts';
import { deferred } from '../system/deferred.ts';
import type { ClientConnection } from './client-connection.ts';
import { CreditWindow, type CreditWindows } from './credit-window.ts';
import { ConnectionLostError } from './errors.ts';
import { MAX_UNANSWERED_ACKNOWLEDGEMENTS, UNACKNOWLEDGED_EXCESS_BYTES } from './limits.ts';
import { type NumberedChunk, OutputQueue } from './output-queue.ts';
import type { ProcessClose, ProcessExit } from './process.ts';

/** Receiver of the notifications about one process. Acknowledges output when it is read. */
export class ProcessFeed {
  readonly id: string;
  readonly output: OutputQueue;
  readonly #connection: ClientConnection;
  readonly #window: CreditWindow;
  readonly #exit = deferred<ProcessExit>();
  readonly #closed = deferred<ProcessClose>();
  readonly #received = { stdout: 0, stderr: 0, pty: 0 };
  /** Bytes that are read and not acknowledged. */
  #unacknowledged = 0;
  #unansweredAcknowledgements = 0;
  #droppedBefore = 0;
  #over = false;

  constructor(id: string, connection: ClientConnection, windows: CreditWindows) {
    this.id = id;
    this.#connection = connection;
    this.#window = new CreditWindow(windows);
    this.output = new OutputQueue(`process ${id}`, chunk => this.#onRead(chunk));
  }

  get exit(): Promise<ProcessExit> {
    return this.#exit.promise;
  }

  get closed(): Promise<ProcessClose> {
    return this.#closed.promise;
  }

  onOutput({ seq, stream, chunk }: ParamsOut<ServerNotifications['process/output']>): void {
    this.#received[stream] += chunk.length;
    const unacknowledged = this.output.bytes + this.#unacknowledged + chunk.length;
    if (unacknowledged > this.#window.bytes + UNACKNOWLEDGED_EXCESS_BYTES) {
      this.#connection.fail(
        `process/output: process ${this.id} has ${unacknowledged} bytes of unacknowledged output, over the window of ${this.#window.bytes}`,
      );
      return;
    }
    const dropped = this.#droppedBefore;
    this.#droppedBefore = 0;
    this.output.push({ seq, stream, chunk, ...(dropped > 0 && { droppedBefore: dropped }) });
  }

  onOutputDropped({ bytes }: ParamsOut<ServerNotifications['process/outputDropped']>): void {
    this.#droppedBefore += bytes.stdout + bytes.stderr + bytes.pty;
  }

  onExited({ exitCode, signal, reason }: ParamsOut<ServerNotifications['process/exited']>): void {
    this.#exit.resolve({ exitCode, signal, reason });
  }

  onClosed({ bytes, holders }: ParamsOut<ServerNotifications['process/closed']>): void {
    this.#over = true;
    this.#exit.reject(new ConnectionLostError('the server sent process/closed without process/exited'));
    this.output.end(bytes && incompleteness(bytes, this.#received));
    this.#releaseWindow();
    this.#closed.resolve({ holders });
  }

  /** Fails everything that waits for the process. */
  onLost(error: Error): void {
    this.#over = true;
    this.#exit.reject(error);
    this.#closed.reject(error);
    this.output.end(error);
    this.#releaseWindow();
  }

  async terminate(): Promise<boolean> {
    return (await this.#connection.request(requests['process/terminate'], { processId: this.id })).running;
  }

  /** Terminates the process and discards its output. Resolves when it is closed, or the connection lost. */
  async dispose(): Promise<void> {
    if (this.#over) return;
    // Unread output would keep the process from being closed.
    this.output.discard();
    await this.terminate().catch(() => {});
    await this.closed.catch(() => {});
  }

  #onRead({ seq, chunk }: NumberedChunk): void {
    if (this.#over) {
      this.#releaseWindow();
      return;
    }
    this.#unacknowledged += chunk.length;
    if (this.#unacknowledged < this.#window.acknowledgeBytes) return;
    const windowBytes = this.#window.adapt(this.#unacknowledged, this.output.bytes);
    this.#unacknowledged = 0;
    void this.#acknowledge(seq, windowBytes);
  }

  /** Releases the memory of the window once a closed process has no more unread output than a new one may have. */
  #releaseWindow(): void {
    if (this.output.bytes <= this.#window.initialBytes) this.#window.release();
  }

  async #acknowledge(seq: number, windowBytes: number | undefined): Promise<void> {
    this.#unansweredAcknowledgements += 1;
    if (this.#unansweredAcknowledgements > MAX_UNANSWERED_ACKNOWLEDGEMENTS) {
      this.#connection.fail(
        `process/acknowledge: process ${this.id} has ${this.#unansweredAcknowledgements} requests without an answer, over the limit of ${MAX_UNANSWERED_ACKNOWLEDGEMENTS}`,
      );
      return;
    }
    try {
      await this.#connection.request(requests['process/acknowledge'], {
        processId: this.id,
        seq,
        windowBytes,
      });
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

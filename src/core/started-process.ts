import type { Readable, Writable } from 'node:stream';
import { limitExceeded } from '../protocol/errors.ts';
import { requests } from '../protocol/messages.ts';
import { type OutputStream, processOutput, type TerminalSize } from '../protocol/process.ts';
import type { ClientConnection } from './client-connection.ts';
import { RequestError } from './errors.ts';
import { MAX_COLLECTED_BYTES } from './limits.ts';
import { type OutputLine, readLines } from './lines.ts';
import type { OutputChunk } from './output-queue.ts';
import type { Launch, ProcessResult, RemoteProcess } from './process.ts';
import type { ProcessFeed } from './process-feed.ts';
import { type OutputStreams, outputStreams, stdinStream } from './process-streams.ts';
import type { SendWindow } from './send-window.ts';

/** Kinds of stdin: `terminal` ends by Ctrl-D. */
export type StdinKind = 'none' | 'pipe' | 'terminal';

/** A process whose start was answered. */
export class StartedProcess implements RemoteProcess {
  readonly launch: Launch;
  readonly #feed: ProcessFeed;
  readonly #connection: ClientConnection;
  readonly #stdinKind: StdinKind;
  readonly #sendWindow: SendWindow;
  #stdin: Writable | undefined;
  #streams: OutputStreams | undefined;
  #writes = 0;

  constructor(
    feed: ProcessFeed,
    connection: ClientConnection,
    launch: Launch,
    stdinKind: StdinKind,
    sendWindow: SendWindow,
  ) {
    this.launch = launch;
    this.#feed = feed;
    this.#connection = connection;
    this.#stdinKind = stdinKind;
    this.#sendWindow = sendWindow;
  }

  get id() {
    return this.#feed.id;
  }

  get pid() {
    return this.launch.pid;
  }

  get output(): AsyncIterable<OutputChunk> {
    return this.#feed.output;
  }

  get unreadBytes() {
    return this.#feed.output.bytes;
  }

  get exit() {
    return this.#feed.exit;
  }

  get closed() {
    return this.#feed.closed;
  }

  get stdin(): Writable | undefined {
    if (this.#stdinKind === 'none') return undefined;
    this.#stdin ??= stdinStream(this, this.#stdinKind === 'terminal', this.#sendWindow);
    return this.#stdin;
  }

  get stdout(): Readable {
    return this.#outputStreams.stdout;
  }

  get stderr(): Readable {
    return this.#outputStreams.stderr;
  }

  [Symbol.asyncIterator](): AsyncIterator<OutputChunk> {
    return this.#feed.output[Symbol.asyncIterator]();
  }

  async *lines({ maxLineBytes = MAX_COLLECTED_BYTES } = {}): AsyncGenerator<OutputLine, void, void> {
    yield* readLines(this.output, maxLineBytes, bytes => this.#overLimit('lineBytes', bytes, maxLineBytes));
  }

  async collect({ maxBytes = MAX_COLLECTED_BYTES } = {}): Promise<ProcessResult> {
    const chunks: Record<OutputStream, Buffer[]> = { stdout: [], stderr: [], pty: [] };
    let bytes = 0;
    let droppedBytes = 0;
    for await (const { stream, chunk, droppedBefore = 0 } of this.output) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw this.#overLimit('collectedBytes', bytes, maxBytes);
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

  async write(bytes: Uint8Array | string): Promise<boolean> {
    this.#writes += 1;
    const { status } = await this.#connection.request(requests['process/write'], {
      processId: this.id,
      chunk: Buffer.from(bytes as Uint8Array),
      writeId: String(this.#writes),
    });
    return status === 'accepted';
  }

  async closeStdin(): Promise<void> {
    await this.#connection.request(requests['process/closeStdin'], { processId: this.id });
  }

  async signal(signal: string, target: 'process' | 'group' | 'tree' = 'group'): Promise<void> {
    await this.#connection.request(requests['process/signal'], { processId: this.id, signal, target });
  }

  async resize(size: TerminalSize): Promise<void> {
    await this.#connection.request(requests['process/resize'], { processId: this.id, size });
  }

  terminate(): Promise<boolean> {
    return this.#feed.terminate();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#feed.dispose();
  }

  get #outputStreams(): OutputStreams {
    this.#streams ??= outputStreams(this.output);
    return this.#streams;
  }

  #overLimit(limit: string, bytes: number, max: number): RequestError {
    this.terminate().catch(() => {});
    return new RequestError(processOutput.method, limitExceeded(limit, bytes, max));
  }
}

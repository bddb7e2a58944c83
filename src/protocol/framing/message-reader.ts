import type { Readable } from 'node:stream';
import {
  AbstractMessageReader,
  type DataCallback,
  type Disposable,
  Message,
  type MessageReader,
} from 'vscode-jsonrpc/node';
import { type ExecServerError, invalidMessage } from '../errors.ts';
import { MAX_NOISE_BYTES, MAX_UNDISPATCHED_MESSAGES } from '../limits.ts';
import type { BodyKind, Decoder, Framing } from './decoder.ts';
import { DetectingDecoder } from './detecting-decoder.ts';
import type { FirstFrame } from './first-frame.ts';
import { FrameDecoder } from './frame-decoder.ts';
import {
  type Batch,
  isBatch,
  type MessageId,
  MessageRefused,
  parseChunkMessage,
  parseMessage,
} from './message-parser.ts';

/** How a reader reports what is no message. */
export type ReaderEvents = {
  /** A frame or a header was refused; what follows is read on. */
  refused(error: ExecServerError, id: MessageId): void;
  /** The stream is of no further use. `onClose` follows. */
  lost(reason: string): void;
  /**
   * Takes a batch, in its place among the messages: the next one is handed over when `begun` was called. Without it
   * batches are refused.
   */
  batch?(batch: Batch, begun: () => void): void;
};

export type ReaderOptions = {
  readonly maxFrameBytes?: number | undefined;
  /** Told how the peer frames its messages, before the first one. Without it frames have headers. */
  readonly detected?: ((framing: Framing) => void) | undefined;
  /** Finds where the messages begin; without it they begin with the stream. */
  readonly firstFrame?: FirstFrame | undefined;
};

/**
 * Reads JSON-RPC messages from a stream, with limits and without giving up at the first bad byte.
 *
 * Messages are handed over one at a time: the next one when `dispatched` was called for the last. A
 * connection of vscode-jsonrpc keeps what it has not dispatched yet by id, so of two requests with one id,
 * or with the ids `1` and `"1"`, it would lose the first. It stops reading while too many messages wait.
 * `onClose` fires when the stream has ended and everything read from it was dispatched.
 *
 * `$/cancelRequest` is not handed over: nothing here can be cancelled half-way, and a connection dispatches
 * some of them and swallows others.
 */
export class FrameMessageReader extends AbstractMessageReader implements MessageReader {
  readonly #stream: Readable;
  readonly #events: ReaderEvents;
  readonly #decoder: Decoder;
  readonly #waiting: (Message | Batch)[] = [];
  #firstFrame: FirstFrame | undefined;
  #callback: DataCallback = () => {};
  #dispatching = false;
  #handingOver = false;
  #ended = false;
  #closed = false;
  #held = false;

  constructor(
    stream: Readable,
    events: ReaderEvents,
    { maxFrameBytes, detected, firstFrame }: ReaderOptions = {},
  ) {
    super();
    this.#firstFrame = firstFrame;
    this.#stream = stream;
    this.#events = events;
    const sink = {
      frame: (body: Buffer, kind: BodyKind) => this.#frame(body, kind),
      rejected: (error: ExecServerError) => events.refused(error, null),
      lost: (reason: string) => this.#lost(reason),
    };
    this.#decoder = detected
      ? new DetectingDecoder(sink, detected, maxFrameBytes)
      : new FrameDecoder(sink, maxFrameBytes);
  }

  listen(callback: DataCallback): Disposable {
    this.#callback = callback;
    const data = (chunk: Buffer) => {
      if (this.#firstFrame === undefined) this.#decoder.push(chunk);
      else this.#begin(this.#firstFrame, chunk);
    };
    const end = () => this.#end();
    const error = (cause: Error) => {
      this.fireError(cause);
      this.#end();
    };
    // A file or /dev/null as stdin ends without ever closing; a pipe that breaks closes without an end.
    this.#stream.on('data', data).on('end', end).on('close', end).on('error', error);
    return {
      dispose: () => {
        this.#stream.off('data', data).off('end', end).off('close', end);
      },
    };
  }

  /** The message or batch that was handed over last has reached its handler. */
  dispatched(): void {
    this.#dispatching = false;
    this.#handOver();
  }

  /** Stops reading (`true`) or allows it again (`false`), whatever else decides. */
  hold(held: boolean): void {
    this.#held = held;
    this.#pace();
  }

  #begin(firstFrame: FirstFrame, chunk: Buffer): void {
    if (this.#ended) return;
    const frames = firstFrame.push(chunk);
    if (frames === 'lost') {
      this.#lost(`no frame began in the first ${MAX_NOISE_BYTES} bytes`);
    } else if (frames !== undefined) {
      this.#firstFrame = undefined;
      this.#decoder.push(frames);
    }
  }

  #frame(body: Buffer, kind: BodyKind): void {
    const parsed = this.#parse(body, kind);
    if (parsed === undefined || (!isBatch(parsed) && isCancellation(parsed))) return;
    this.#waiting.push(parsed);
    this.#handOver();
  }

  #handOver(): void {
    // Who calls `dispatched` before it handles the message must not get the next one in between.
    if (this.#handingOver) return;
    this.#handingOver = true;
    while (!this.#dispatching && this.#waiting.length > 0) {
      const next = this.#waiting.shift() as Message | Batch;
      this.#dispatching = true;
      if (isBatch(next)) this.#events.batch?.(next, () => this.dispatched());
      else this.#callback(next);
    }
    this.#handingOver = false;
    this.#pace();
    this.#closeIfDone();
  }

  #parse(body: Buffer, kind: BodyKind): Message | Batch | undefined {
    try {
      const parsed = kind === 'chunk' ? parseChunkMessage(body) : parseMessage(body);
      if (!isBatch(parsed) || this.#events.batch !== undefined) return parsed;
      throw new MessageRefused(null, invalidMessage('a batch is not expected here'));
    } catch (error) {
      if (!(error instanceof MessageRefused)) throw error;
      this.#events.refused(error.reason, error.id);
      return undefined;
    }
  }

  #pace(): void {
    if (this.#ended) return;
    const stop = this.#held || this.#waiting.length > MAX_UNDISPATCHED_MESSAGES;
    if (stop === this.#stream.isPaused()) return;
    if (stop) this.#stream.pause();
    else this.#stream.resume();
  }

  #lost(reason: string): void {
    this.#events.lost(reason);
    this.#end();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#firstFrame?.end();
    const incomplete = this.#decoder.incomplete;
    if (incomplete !== undefined) this.fireError(new Error(`the stream ended ${incomplete}`));
    this.#closeIfDone();
  }

  #closeIfDone(): void {
    if (!this.#ended || this.#closed || this.#dispatching || this.#waiting.length > 0) return;
    this.#closed = true;
    this.fireClose();
  }
}

const isCancellation = (message: Message): boolean =>
  Message.isNotification(message) && message.method === '$/cancelRequest';

import type { Readable } from 'node:stream';
import {
  AbstractMessageReader,
  type DataCallback,
  type Disposable,
  Message,
  type MessageReader,
} from 'vscode-jsonrpc/node';
import { Fifo } from '../../system/fifo.ts';
import { type ExecServerError, invalidMessage } from '../errors.ts';
import {
  END_WAIT_MS,
  MAX_NOISE_BYTES,
  MAX_UNDISPATCHED_BYTES,
  MAX_UNDISPATCHED_MESSAGES,
} from '../limits.ts';
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
  /** Decides when there is memory for a frame; without it always. */
  readonly gate?: FrameGate | undefined;
};

/** Decides when a frame is parsed and handled. */
export type FrameGate = {
  /**
   * Admits the next frame, and counts it; or refuses it, or keeps it waiting. Then `proceed` is to be called when that
   * may have changed.
   */
  admit(body: Buffer): boolean | ExecServerError;
  /** Called when the frame admitted last was dispatched, or holds no message to dispatch. */
  done(): void;
};

/** A frame that was not handled yet. */
type Frame = { readonly body: Buffer; readonly kind: BodyKind };

/**
 * Reads JSON-RPC messages from a stream, with limits and without giving up at the first bad byte.
 *
 * Messages are handed over one at a time: the next one when `dispatched` was called for the last. A
 * connection of vscode-jsonrpc keeps what it has not dispatched yet by id, so of two requests with one id,
 * or with the ids `1` and `"1"`, it would lose the first. Until then they are bytes, which are parsed last. It stops
 * reading while too many of them wait, or the first for memory. `onClose` fires when the stream has ended and
 * everything read from it was dispatched; what still waits for memory a second later is dropped.
 *
 * `$/cancelRequest` is not handed over: nothing here can be cancelled half-way, and a connection dispatches
 * some of them and swallows others.
 */
export class FrameMessageReader extends AbstractMessageReader implements MessageReader {
  readonly #stream: Readable;
  readonly #events: ReaderEvents;
  readonly #decoder: Decoder;
  readonly #waiting = new Fifo<Frame>();
  #waitingBytes = 0;
  readonly #gate: FrameGate | undefined;
  #firstFrame: FirstFrame | undefined;
  #callback: DataCallback = () => {};
  #dispatching = false;
  #handingOver = false;
  #ended = false;
  #closed = false;
  #gateClosed = false;
  #discarding = false;
  #endTimer: NodeJS.Timeout | undefined;

  constructor(
    stream: Readable,
    events: ReaderEvents,
    { maxFrameBytes, detected, firstFrame, gate }: ReaderOptions = {},
  ) {
    super();
    this.#firstFrame = firstFrame;
    this.#gate = gate;
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
    this.#gate?.done();
    this.#dispatching = false;
    this.#handOver();
  }

  /** Asks the gate again, if the next frame waits for it. */
  proceed(): void {
    if (this.#gateClosed) this.#handOver();
  }

  /** Discards messages from now on. Bytes before the first frame are still reported. */
  discard(): void {
    this.#discarding = true;
    this.#dropWaiting();
    if (!this.#ended) this.#stream.resume();
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
    if (this.#discarding) return;
    this.#waiting.push({ body, kind });
    this.#waitingBytes += body.length;
    this.#handOver();
  }

  #handOver(): void {
    // Who calls `dispatched` before it handles the message must not get the next one in between.
    if (this.#handingOver) return;
    this.#handingOver = true;
    while (!this.#dispatching && this.#waiting.length > 0) {
      const admitted = this.#admitNext();
      this.#gateClosed = admitted === undefined;
      if (admitted === undefined) break;
      this.#dispatch(admitted.parsed);
    }
    this.#handingOver = false;
    this.#pace();
    if (this.#ended && this.#gateClosed)
      this.#endTimer ??= setTimeout(() => this.#dropWaiting(), END_WAIT_MS);
    this.#closeIfDone();
  }

  /** Takes the next frame and parses it; `undefined` if it has to wait. */
  #admitNext(): { readonly parsed: Message | Batch | undefined } | undefined {
    const { body, kind } = this.#waiting.first as Frame;
    const admitted = this.#gate?.admit(body) ?? true;
    if (admitted === false) return undefined;
    this.#waiting.take();
    this.#waitingBytes -= body.length;
    if (admitted === true) return { parsed: this.#parse(body, kind) };
    this.#events.refused(admitted, null);
    return { parsed: undefined };
  }

  #dispatch(parsed: Message | Batch | undefined): void {
    if (parsed === undefined || (!isBatch(parsed) && isCancellation(parsed))) {
      this.#gate?.done();
      return;
    }
    this.#dispatching = true;
    if (isBatch(parsed)) this.#events.batch?.(parsed, () => this.dispatched());
    else this.#callback(parsed);
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
    const stop =
      this.#gateClosed ||
      this.#waiting.length > MAX_UNDISPATCHED_MESSAGES ||
      this.#waitingBytes > MAX_UNDISPATCHED_BYTES;
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
    this.#handOver();
  }

  /** A client that reads no answers must not keep the connection open after its end. */
  #dropWaiting(): void {
    while (this.#waiting.length > 0) this.#waiting.take();
    this.#gateClosed = false;
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

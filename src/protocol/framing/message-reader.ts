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
  MAX_START_UP_OUTPUT_BYTES,
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

/** Callbacks for input that is not a single message. */
export type ReaderEvents = {
  /** Called for a frame or header that was refused. Reading continues after it. */
  refused(error: ExecServerError, id: MessageId): void;
  /** Called when the rest of the stream cannot be read. `onClose` follows. */
  lost(reason: string): void;
  /**
   * Handles a batch, in its place among the messages: the next message follows once `onStarted` was called. Default:
   * batches are refused.
   */
  batch?(batch: Batch, onStarted: () => void): void;
};

export type ReaderOptions = {
  readonly maxFrameBytes?: number | undefined;
  /** Called with the framing of the peer, before the first message. Default: frames have headers. */
  readonly onDetected?: ((framing: Framing) => void) | undefined;
  /** Finds the first message. Default: the messages begin with the stream. */
  readonly firstFrame?: FirstFrame | undefined;
  /** Limits the memory of frames. Default: none does. */
  readonly gate?: FrameGate | undefined;
};

/** A gate that frames pass one at a time before they are parsed. */
export type FrameGate = {
  /**
   * Admits the next frame, or refuses it with an error. False keeps it waiting: the gate calls `proceed` of the reader
   * when that may have changed.
   */
  admit(body: Buffer): boolean | ExecServerError;
  /** Called when the frame admitted last was dispatched, or holds no message to dispatch. */
  done(): void;
};

/** A frame that waits to be parsed. */
type Frame = { readonly body: Buffer; readonly kind: BodyKind };

/**
 * Reads JSON-RPC messages from a stream, with limits. Continues after input that is not a message.
 *
 * Messages are delivered one at a time: the next one after `dispatched` was called. vscode-jsonrpc keys its queue by
 * id, so of two requests with the same id, or with the ids `1` and `"1"`, it would lose the first. Frames that wait are
 * not parsed. The stream is paused while too many of them wait, or the first one waits for memory. `onClose` fires when
 * the stream has ended and all of it was dispatched; frames that wait for memory a second later are dropped.
 *
 * `$/cancelRequest` is ignored: requests cannot be cancelled, and vscode-jsonrpc dispatches only some of them.
 */
export class FrameMessageReader extends AbstractMessageReader implements MessageReader {
  #stream: Readable;
  #takesAhead: ((body: Buffer) => boolean) | undefined;
  #unlisten: () => void = () => {};
  #receivedBytes = 0;
  readonly #events: ReaderEvents;
  readonly #decoder: Decoder;
  readonly #waiting = new Fifo<Frame>();
  #waitingBytes = 0;
  readonly #gate: FrameGate | undefined;
  #firstFrame: FirstFrame | undefined;
  #callback: DataCallback = () => {};
  #dispatching = false;
  #delivering = false;
  #ended = false;
  #closed = false;
  #gateClosed = false;
  #discarding = false;
  #endTimer: NodeJS.Timeout | undefined;

  constructor(
    stream: Readable,
    events: ReaderEvents,
    { maxFrameBytes, onDetected, firstFrame, gate }: ReaderOptions = {},
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
    this.#decoder = onDetected
      ? new DetectingDecoder(sink, onDetected, maxFrameBytes)
      : new FrameDecoder(sink, maxFrameBytes);
  }

  listen(callback: DataCallback): Disposable {
    this.#callback = callback;
    this.#listen();
    return { dispose: () => this.#unlisten() };
  }

  /** Total of the bytes that were read. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Stops reading. What arrives from now on stays in the stream, which is paused. */
  release(): void {
    this.#unlisten();
    this.#stream.pause();
  }

  /**
   * Continues with another stream, in the middle of a message if need be.
   *
   * @param takesAhead handles a frame, if it returns true, ahead of those that wait. To find such frames, reading continues
   * behind a frame that waits for memory.
   */
  moveTo(stream: Readable, takesAhead?: (body: Buffer) => boolean): void {
    this.release();
    this.#stream = stream;
    this.#takesAhead = takesAhead;
    this.#listen();
    // A stream that was released before is paused.
    this.#pauseOrResume();
  }

  #listen(): void {
    const data = (chunk: Buffer) => {
      this.#receivedBytes += chunk.length;
      if (this.#firstFrame === undefined) this.#decoder.push(chunk);
      else this.#findFirstFrame(this.#firstFrame, chunk);
    };
    const end = () => this.#end();
    const error = (cause: Error) => {
      this.fireError(cause);
      this.#end();
    };
    const stream = this.#stream;
    // A file or /dev/null as stdin ends and never closes; a pipe that breaks closes without an end.
    stream.on('data', data).on('end', end).on('close', end).on('error', error);
    this.#unlisten = () => {
      stream.off('data', data).off('end', end).off('close', end).off('error', error);
      stream.on('error', () => {});
    };
  }

  /** Delivers the next message: the handler of the last message or batch was called. */
  dispatched(): void {
    this.#gate?.done();
    this.#dispatching = false;
    this.#deliver();
  }

  /** Asks the gate again if the next frame waits for it. */
  proceed(): void {
    if (this.#gateClosed) this.#deliver();
  }

  /** Discards messages from now on. Bytes before the first frame are still reported. */
  discard(): void {
    this.#discarding = true;
    this.#dropWaiting();
    if (!this.#ended) this.#stream.resume();
  }

  #findFirstFrame(firstFrame: FirstFrame, chunk: Buffer): void {
    if (this.#ended) return;
    const frames = firstFrame.push(chunk);
    if (frames === 'lost') {
      this.#lost(`no frame in the first ${MAX_START_UP_OUTPUT_BYTES} bytes`);
    } else if (frames !== undefined) {
      this.#firstFrame = undefined;
      this.#decoder.push(frames);
    }
  }

  #frame(body: Buffer, kind: BodyKind): void {
    if (this.#discarding || this.#takesAhead?.(body)) return;
    this.#waiting.push({ body, kind });
    this.#waitingBytes += body.length;
    this.#deliver();
  }

  #deliver(): void {
    // A caller of `dispatched` that has not handled the message yet must not receive the next one first.
    if (this.#delivering) return;
    this.#delivering = true;
    while (!this.#dispatching && this.#waiting.length > 0) {
      const admitted = this.#admitNext();
      this.#gateClosed = admitted === undefined;
      if (admitted === undefined) break;
      this.#dispatch(admitted.parsed);
    }
    this.#delivering = false;
    this.#pauseOrResume();
    if (this.#ended && this.#gateClosed)
      this.#endTimer ??= setTimeout(() => this.#dropWaiting(), END_WAIT_MS);
    this.#closeIfDone();
  }

  /** Removes the next frame from the queue and parses it; `undefined` if it has to wait. */
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
      throw new MessageRefused(null, invalidMessage('batches are not supported here'));
    } catch (error) {
      if (!(error instanceof MessageRefused)) throw error;
      this.#events.refused(error.reason, error.id);
      return undefined;
    }
  }

  #pauseOrResume(): void {
    if (this.#ended) return;
    const readsOn = this.#takesAhead !== undefined && this.#gateClosed;
    const gatedBytes = readsOn ? (this.#waiting.first?.body.length ?? 0) : 0;
    const stop =
      (this.#gateClosed && !readsOn) ||
      this.#waiting.length > MAX_UNDISPATCHED_MESSAGES ||
      this.#waitingBytes - gatedBytes > MAX_UNDISPATCHED_BYTES;
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
    this.#deliver();
  }

  /** Drops frames that wait for memory: a client that reads no answers must not keep the connection open. */
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

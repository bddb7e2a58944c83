import {
  createMessageConnection,
  type DataCallback,
  ErrorCodes,
  Message,
  type MessageConnection,
  NullLogger,
  ResponseError,
} from 'vscode-jsonrpc/node';
import type { FrameMessageReader } from '../framing/message-reader.ts';
import type { FrameMessageWriter } from '../framing/message-writer.ts';

/** Members of a request other than its method and params, as received. */
export type Envelope = { readonly id?: unknown; readonly trace?: unknown };

/** Handlers of one end of a connection. */
export type PeerHandlers = {
  /** Answers a request. Default: each gets the error "method not found". */
  readonly onRequest?: (method: string, params: unknown, message: Envelope) => Promise<unknown>;
  readonly onNotification?: (method: string, params: unknown) => void;
  /**
   * Inspects a message before it is queued. Returns the message to dispatch; `undefined` if it is handled already.
   */
  readonly intercept?: (message: Message) => Message | undefined;
  /** Reports an error of one of the streams, which closes the connection. */
  readonly onError?: (error: Error) => void;
  /** Called when no message can come any more: the input has ended, or the output has failed. */
  readonly onClose: () => void;
};

/**
 * One end of a JSON-RPC connection: vscode-jsonrpc over the framing of this project. The properties of the library that
 * other code would have to know are handled here and in `FrameMessageReader`:
 *
 * - Its queue is keyed by id, so a second request with the same id would replace the first, and it takes one message in
 *   each turn of the event loop. The reader hands over a message only after the previous one was dispatched, and
 *   `intercept` can bypass the queue.
 * - It keeps a request until the answer; what can be long in it is dropped once the handler has it.
 * - It does not pass other members of a request to its handler, which is called while the request is dispatched.
 * - It leaves requests pending when the connection closes; only `dispose` rejects them, with a code that a server could
 *   send as well (`isAnswer` tells them apart).
 * - `sendRequest` and `sendNotification` throw on a closed connection.
 */
export class Peer {
  readonly #connection: MessageConnection;
  #disposed = false;

  constructor(
    reader: FrameMessageReader,
    writer: FrameMessageWriter,
    { onRequest, onNotification, intercept, onError = () => {}, onClose }: PeerHandlers,
  ) {
    const { onError: readError, onClose: readClose, onPartialMessage } = reader;
    let dispatched: Envelope = {};
    this.#connection = createMessageConnection(
      {
        onError: readError,
        onClose: readClose,
        onPartialMessage,
        listen: callback => reader.listen(intercept ? intercepted(reader, callback, intercept) : callback),
        dispose: () => reader.dispose(),
      },
      writer,
      NullLogger,
      {
        messageStrategy: {
          handleMessage: (message, next) => {
            dispatched = message as Envelope;
            const handled = next(message);
            if (Message.isRequest(message)) keepShort(message);
            reader.dispatched();
            return handled;
          },
        },
      },
    );
    if (onRequest) {
      this.#connection.onRequest((method: string, params: unknown) => onRequest(method, params, dispatched));
    }
    if (onNotification) this.#connection.onNotification(onNotification);
    this.#connection.onError(([error]) => onError(error));
    this.#connection.onClose(onClose);
  }

  /** Starts to read. */
  listen(): void {
    this.#connection.listen();
  }

  /**
   * Sends a request. The first one has the id `FIRST_REQUEST_ID`.
   *
   * @returns the result, not checked. Rejects with the error of the answer, or with another one after `dispose`
   * @throws {Error} if the connection is closed
   */
  request(method: string, params: unknown): Promise<unknown> {
    return this.#connection.sendRequest(method, params);
  }

  /** True if a request was rejected with this error by its answer, false if no answer came. */
  isAnswer(error: unknown): error is ResponseError<unknown> {
    return (
      error instanceof ResponseError && !(this.#disposed && error.code === ErrorCodes.PendingResponseRejected)
    );
  }

  /** Sends a notification; has no effect on a closed connection. */
  async notify(method: string, params: unknown): Promise<void> {
    try {
      await this.#connection.sendNotification(method, params);
    } catch {
      // It throws if the connection is closed, and rejects if the write fails.
    }
  }

  /** Ends the connection without closing the streams, and rejects the requests that are pending. Idempotent. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#connection.dispose();
  }
}

/** The id of the first request: vscode-jsonrpc counts from 0. */
export const FIRST_REQUEST_ID = 0;

/** Drops everything of a request that its answer does not need. */
const keepShort = (message: object): void => {
  for (const member in message) {
    if (!ANSWERED_MEMBERS.has(member)) Object.assign(message, { [member]: undefined });
  }
};

const ANSWERED_MEMBERS: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'method']);

const intercepted =
  (
    reader: FrameMessageReader,
    callback: DataCallback,
    intercept: (message: Message) => Message | undefined,
  ): DataCallback =>
  message => {
    const kept = intercept(message);
    if (kept === undefined) reader.dispatched();
    else callback(kept);
  };

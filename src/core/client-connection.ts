import type { Readable, Writable } from 'node:stream';
import {
  createMessageConnection,
  type DataCallback,
  Message,
  type MessageConnection,
  type NotificationMessage,
  NullLogger,
  ResponseError,
} from 'vscode-jsonrpc/node';
import type { NotificationSpec, ParamsIn, ParamsOut, RequestSpec, ResultOut } from '../protocol/define.ts';
import { FirstFrame } from '../protocol/framing/first-frame.ts';
import { isBatch, parseMessage } from '../protocol/framing/message-parser.ts';
import { FrameMessageReader } from '../protocol/framing/message-reader.ts';
import { FrameMessageWriter } from '../protocol/framing/message-writer.ts';
import { type ServerNotifications, serverNotifications } from '../protocol/messages.ts';
import { parse } from '../protocol/parse.ts';
import { deferred } from '../system/deferred.ts';
import { checkedResult, wellFormedAnswer } from './answers.ts';
import { ConnectionLostError, connectionFailed, connectionLost, RequestError } from './errors.ts';
import { MAX_QUEUED_ANSWER_BYTES } from './limits.ts';
import { parseOutputParams } from './output-params.ts';
import { type StartUpOutput, StartUpOutputRecord } from './start-up-output.ts';
import type { TransportEnd } from './transport.ts';

/** The streams of a connection and the facts about them. */
export type ClientStreams = {
  readonly input: Readable;
  readonly output: Writable;
  /** stderr of the program that carries the connection (ssh, docker); also read by its owner. */
  readonly stderr?: Readable | undefined;
  /** `local`: this side makes the environment of processes. `remote`: the server does, by policy. */
  readonly location: 'local' | 'remote';
  /** Name of the server in messages. */
  readonly label: string;
  /** Resolves when the input has ended: with the end of the program that carried the connection, if there is one. */
  readonly ended?: Promise<TransportEnd | undefined> | undefined;
  /** Ends the connection. Idempotent. */
  close(): Promise<void>;
  /** Ends the connection without waiting for the server. */
  abort?(): Promise<void>;
};

/** Handlers for notifications of the server; one without a handler is ignored. */
export type NotificationHandlers = {
  readonly [Name in keyof ServerNotifications]?: (params: ParamsOut<ServerNotifications[Name]>) => void;
};

/** Receiver of what the server sends without a request. */
export type Receiver = {
  readonly handlers: NotificationHandlers;
  /** Called once, when the connection has ended. */
  onLost(error: ConnectionLostError): void;
};

/** The client's end of a connection: typed requests out, notifications in. The error of its end is composed here. */
export class ClientConnection {
  readonly #streams: ClientStreams;
  readonly #reader: FrameMessageReader;
  readonly #writer: FrameMessageWriter;
  readonly #connection: MessageConnection;
  readonly #lost = deferred<ConnectionLostError>();
  readonly #startUpOutput = new StartUpOutputRecord();
  #receiver: Receiver = { handlers: {}, onLost: () => {} };
  #stopReading: () => void = () => {};
  #problem: string | undefined;
  #framesBegan = false;
  /** True once the first request was answered, if only by an error, on a connection without a problem. */
  #answered = false;
  #closing = false;
  #ending = false;
  #over = false;

  /** Resolves when the connection has ended: with the error, unless `close` was called. Never rejects. */
  readonly closed: Promise<ConnectionLostError | undefined>;

  constructor(streams: ClientStreams) {
    this.#streams = streams;
    this.closed = this.#lost.promise.then(error => (this.#closing ? undefined : error));
    this.#reader = new FrameMessageReader(
      streams.input,
      {
        refused: error => this.fail(`the server sent something that is not a message: ${error.message}`),
        lost: reason => this.fail(reason),
      },
      {
        firstFrame: new FirstFrame({
          accepts: body => this.#answersFirstRequest(body),
          noise: bytes => this.#startUpOutput.push(bytes),
        }),
      },
    );
    this.#writer = new FrameMessageWriter(streams.output);
    this.#connection = createMessageConnection(
      {
        ...eventsOf(this.#reader),
        listen: callback => {
          const reading = this.#reader.listen(this.#deliver(callback));
          this.#stopReading = () => reading.dispose();
          return reading;
        },
        dispose: () => this.#reader.dispose(),
      },
      this.#writer,
      NullLogger,
      {
        messageStrategy: {
          handleMessage: (message, next) => {
            const handled = next(message);
            this.#reader.dispatched();
            return handled;
          },
        },
      },
    );
    this.#connection.onClose(() => void this.#end());
    this.#connection.onError(() => {});
    this.#connection.listen();
  }

  get location(): 'local' | 'remote' {
    return this.#streams.location;
  }

  /** Bytes that came before the first frame, such as the greeting of a login shell; `undefined` if there were none. */
  get startUpOutput(): StartUpOutput | undefined {
    return this.#startUpOutput.summary;
  }

  /** Sets the receiver of notifications; the earlier ones are ignored. */
  deliverTo(receiver: Receiver): void {
    this.#receiver = receiver;
  }

  /**
   * Sends a request and waits for its answer.
   *
   * @throws {RequestError} the error of the server, or `invalidAnswer` for an answer that is not of the declared type
   * @throws {ConnectionLostError} when no answer can come any more
   */
  async request<Spec extends RequestSpec>(spec: Spec, params: ParamsIn<Spec>): Promise<ResultOut<Spec>> {
    let answer: unknown;
    try {
      answer = await this.#connection.sendRequest(spec.method, params);
    } catch (error) {
      if (error instanceof ResponseError && !(this.#over && error.code === NO_ANSWER))
        throw new RequestError(spec.method, error);
      // The end of the transport may not be known yet.
      throw await this.#lost.promise;
    }
    return checkedResult(spec, answer);
  }

  /** Sends a notification; has no effect on a closed connection. */
  async notify<Spec extends NotificationSpec>(spec: Spec, params: ParamsIn<Spec>): Promise<void> {
    try {
      await this.#connection.sendNotification(spec.method, params);
    } catch {
      // It throws if the connection has ended, and rejects if the write fails.
    }
  }

  /** Sends bytes in binary frames from now on. */
  useBinaryFrames(): void {
    this.#writer.format = { ...this.#writer.format, binary: true };
  }

  /** Ends the connection because of what the server sent, or did not send. The first problem counts. */
  fail(problem: string): void {
    this.#problem ??= problem;
    // A server that continues to send must not fill memory until it has ended. All bytes before the first frame are
    // start-up output, which is bounded and part of the error.
    if (this.#framesBegan) {
      this.#stopReading();
      this.#streams.input.resume();
    }
    void this.#end();
  }

  /** Fails like `fail`, without giving the server time to end. */
  abort(problem: string): void {
    void this.#streams.abort?.();
    this.fail(problem);
  }

  /** Ends the connection and waits until it has ended. Idempotent. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#streams.close();
    await this.closed;
  }

  /** Checks that the connection has not failed. */
  async assertOpen(): Promise<void> {
    if (this.#problem !== undefined) throw await this.#lost.promise;
  }

  /** Composes the error of a handshake that failed for a reason. */
  handshakeError(reason: string | undefined, transport?: TransportEnd): ConnectionLostError {
    return connectionFailed({
      label: this.#streams.label,
      reason,
      startUpOutput: this.#startUpOutput,
      transport,
    });
  }

  async #end(): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    if (!this.#closing) void this.#streams.close();
    const error = this.#endError(await this.#streams.ended);
    this.#over = true;
    this.#lost.resolve(error);
    this.#connection.dispose();
    this.#receiver.onLost(error);
  }

  #endError(transport: TransportEnd | undefined): ConnectionLostError {
    if (this.#closing) return new ConnectionLostError('the connection was closed');
    return this.#answered
      ? connectionLost(this.#streams.label, this.#problem, transport)
      : this.handshakeError(this.#problem, transport);
  }

  /** Checks that a body is the first message of a server; nothing else that looks like a frame is from one. */
  #answersFirstRequest(body: Buffer): boolean {
    const message = messageIn(body);
    if (message === undefined) return false;
    if (Message.isRequest(message) && message.id === FIRST_ID) this.fail('the other side echoes the request');
    if (!Message.isResponse(message)) return false;
    const isAnswer = message.id === FIRST_ID;
    this.#answered = isAnswer && this.#problem === undefined;
    // Without an id it means that the request could not be read.
    this.#framesBegan = isAnswer || message.id === null;
    return this.#framesBegan;
  }

  /**
   * Passes notifications directly to their handlers: the queue of the library takes one message in each turn of the
   * event loop, and grows while output arrives faster.
   */
  #deliver(callback: DataCallback): DataCallback {
    return message => {
      if (Message.isNotification(message)) {
        this.#reader.dispatched();
        this.#notified(message);
      } else if (this.#problem !== undefined && this.#answered) {
        this.#reader.dispatched();
      } else {
        callback(this.#checkedMessage(message));
      }
    };
  }

  #notified({ method, params }: NotificationMessage): void {
    if (!isDeclared(method)) return;
    const handle = this.#receiver.handlers[method] as ((params: unknown) => void) | undefined;
    if (handle === undefined || this.#problem !== undefined) return;
    try {
      handle(
        method === 'process/output'
          ? parseOutputParams(params)
          : parse(serverNotifications[method].params, params, method),
      );
    } catch (error) {
      this.fail(`${method}: ${(error as Error).message}`);
    }
  }

  /** Returns a message that the library can handle. */
  #checkedMessage(message: Message): Message {
    if (Message.isRequest(message)) {
      // Each is answered with an error. The answers are queued until the server reads them.
      if (this.#writer.queuedBytes > MAX_QUEUED_ANSWER_BYTES)
        this.fail('the server sends requests and does not read the answers');
      return message;
    }
    const answer = wellFormedAnswer(message);
    // The request that the server refuses is not known; its caller would wait forever.
    if (answer.id === null) this.fail(answer.error?.message ?? 'the server sent an answer without an id');
    return answer;
  }
}

// ErrorCodes.PendingResponseRejected of vscode-jsonrpc: disposed before the answer arrived.
const NO_ANSWER = -32097;

// vscode-jsonrpc numbers requests from 0.
const FIRST_ID = 0;

const messageIn = (body: Buffer): Message | undefined => {
  try {
    const parsed = parseMessage(body);
    return isBatch(parsed) ? undefined : parsed;
  } catch {
    return undefined;
  }
};

const isDeclared = (method: string): method is keyof ServerNotifications =>
  Object.hasOwn(serverNotifications, method);

const eventsOf = ({ onError, onClose, onPartialMessage }: FrameMessageReader) => ({
  onError,
  onClose,
  onPartialMessage,
});

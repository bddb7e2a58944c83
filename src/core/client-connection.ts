import type { Readable, Writable } from 'node:stream';
import {
  createMessageConnection,
  type DataCallback,
  Message,
  type MessageConnection,
  type NotificationMessage,
  NullLogger,
  ResponseError,
  type ResponseMessage,
} from 'vscode-jsonrpc/node';
import type { NotificationSpec, ParamsIn, ParamsOut, RequestSpec, ResultOut } from '../protocol/define.ts';
import { ExecServerError, errorKinds, invalidAnswer } from '../protocol/errors.ts';
import { FirstFrame } from '../protocol/framing/first-frame.ts';
import { isBatch, parseMessage } from '../protocol/framing/message-parser.ts';
import { FrameMessageReader } from '../protocol/framing/message-reader.ts';
import { FrameMessageWriter } from '../protocol/framing/message-writer.ts';
import { type ServerNotifications, serverNotifications } from '../protocol/messages.ts';
import { parse } from '../protocol/parse.ts';
import { RequestError } from './errors.ts';
import { MAX_QUEUED_ANSWER_BYTES } from './limits.ts';
import { NoiseRecord } from './noise.ts';
import { parseOutputParams } from './output-params.ts';

/** Handlers for notifications of the server; one without a handler is ignored. */
export type NotificationHandlers = {
  readonly [Name in keyof ServerNotifications]?: (params: ParamsOut<ServerNotifications[Name]>) => void;
};

/** The client's end of a connection: typed requests out, notifications in. */
export class ClientConnection {
  readonly #handlers: NotificationHandlers;
  readonly #reader: FrameMessageReader;
  readonly #writer: FrameMessageWriter;
  readonly #connection: MessageConnection;
  readonly #lost: Promise<Error>;
  #resolveLost: (error: Error) => void = () => {};
  readonly #onEnd: () => void;
  readonly #input: Readable;
  #stopReading: () => void = () => {};
  #problem: string | undefined;
  #framesBegan = false;
  #begun = false;
  #over = false;

  /** What came before the first frame: what a login shell printed, say. Without a first frame it is all that came. */
  readonly noise = new NoiseRecord();

  /**
   * @param onEnd called when the stream has ended or broken; `lose` must follow, and says what callers are told
   */
  constructor(input: Readable, output: Writable, handlers: NotificationHandlers, onEnd: () => void) {
    this.#input = input;
    this.#handlers = handlers;
    this.#onEnd = onEnd;
    this.#lost = new Promise(resolve => {
      this.#resolveLost = resolve;
    });
    this.#reader = new FrameMessageReader(
      input,
      {
        refused: error => this.#fail(`something on the server's stdout is no message: ${error.message}`),
        lost: reason => this.#fail(reason),
      },
      {
        firstFrame: new FirstFrame({
          accepts: body => this.#answersFirstRequest(body),
          noise: bytes => this.noise.push(bytes),
        }),
      },
    );
    this.#writer = new FrameMessageWriter(output);
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
    this.#connection.onClose(onEnd);
    this.#connection.onError(() => {});
    this.#connection.listen();
  }

  /**
   * Sends a request and waits for its answer.
   *
   * @throws {RequestError} when the server answers with an error; `invalidAnswer` when its answer has not the declared
   * type, which leaves the connection open
   * @throws {Error} what `lose` was given, when no answer can come any more
   */
  async request<Spec extends RequestSpec>(spec: Spec, params: ParamsIn<Spec>): Promise<ResultOut<Spec>> {
    let answer: unknown;
    try {
      answer = await this.#connection.sendRequest(spec.method, params);
    } catch (error) {
      if (error instanceof ResponseError && !(this.#over && error.code === NO_ANSWER))
        throw new RequestError(spec.method, error);
      // The reason for the end may not be known yet; `lose` has it.
      throw await this.#lost;
    }
    return checkedResult(spec, answer);
  }

  /** Sends a notification; on a closed connection nothing happens. */
  async notify<Spec extends NotificationSpec>(spec: Spec, params: ParamsIn<Spec>): Promise<void> {
    try {
      await this.#connection.sendNotification(spec.method, params);
    } catch {
      // It throws at once on a connection that has ended, and rejects where a write fails.
    }
  }

  /** The server takes bytes as they are; from now on they are sent so. */
  useBinaryFrames(): void {
    this.#writer.format = { ...this.#writer.format, binary: true };
  }

  /** Whether the first request was answered, be it by an error, before the connection was given up. */
  get begun(): boolean {
    return this.#begun;
  }

  /** The first thing that came and was no message, if any. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Fails all that waits for an answer, and every later request, with this error. */
  lose(error: Error): void {
    this.#over = true;
    this.#resolveLost(error);
    this.#connection.dispose();
  }

  /** Whether a body is what the server has to say first. Nothing else that looks like a frame is from it. */
  #answersFirstRequest(body: Buffer): boolean {
    const message = messageIn(body);
    if (message === undefined) return false;
    if (Message.isRequest(message) && message.id === FIRST_ID) this.#fail('it answers with what it was sent');
    if (!Message.isResponse(message)) return false;
    const isAnswer = message.id === FIRST_ID;
    this.#begun = isAnswer && this.#problem === undefined;
    // With no id it says that our request could not be read.
    this.#framesBegan = isAnswer || message.id === null;
    return this.#framesBegan;
  }

  /** Ends the connection from here, as if this problem had come up on it. */
  giveUp(problem: string): void {
    this.#fail(problem);
  }

  #fail(problem: string): void {
    this.#problem ??= problem;
    // A server that goes on sending must not fill memory until it has ended. Before the first frame all that comes is
    // startup output, which is bounded and part of the error.
    if (this.#framesBegan) {
      this.#stopReading();
      this.#input.resume();
    }
    this.#onEnd();
  }

  /**
   * Notifications go straight to their handlers: the queue of the connection takes one message for each
   * turn of the event loop, and grows while output arrives faster.
   */
  #deliver(callback: DataCallback): DataCallback {
    return message => {
      if (Message.isNotification(message)) {
        this.#reader.dispatched();
        this.#notified(message);
      } else if (this.#problem !== undefined && this.#begun) {
        this.#reader.dispatched();
      } else {
        callback(this.#checkedMessage(message));
      }
    };
  }

  #notified({ method, params }: NotificationMessage): void {
    const name = notificationNames.get(method);
    const handle = name && (this.#handlers[name] as ((params: unknown) => void) | undefined);
    if (name === undefined || handle === undefined || this.#problem !== undefined) return;
    try {
      handle(
        name === 'processOutput'
          ? parseOutputParams(params)
          : parse(serverNotifications[name].params, params, method),
      );
    } catch (error) {
      this.#fail(`${method}: ${(error as Error).message}`);
    }
  }

  /** A message that the connection can take, whatever the server has sent. */
  #checkedMessage(message: Message): Message {
    if (Message.isRequest(message)) {
      // Each is answered, with an error. A server that reads none of these answers would make them pile up.
      if (this.#writer.queuedBytes > MAX_QUEUED_ANSWER_BYTES)
        this.#fail('the server sends requests and does not read the answers');
      return message;
    }
    const answer = wellFormedAnswer(message);
    // The server could not tell which request it refuses; its caller would wait forever.
    if (answer.id === null) this.#fail(answer.error?.message ?? 'an answer without an id');
    return answer;
  }
}

/**
 * The result of an answer, checked.
 *
 * @throws {RequestError} `invalidAnswer`
 */
const checkedResult = <Spec extends RequestSpec>(spec: Spec, answer: unknown): ResultOut<Spec> => {
  try {
    return parse(spec.result, answer, 'result') as ResultOut<Spec>;
  } catch (error) {
    if (!(error instanceof ExecServerError)) throw error;
    throw new RequestError(spec.method, invalidAnswer(spec.method, error));
  }
};

/** An answer whose error, if it has one, has a code and a message. */
const wellFormedAnswer = (message: Message): ResponseMessage => {
  const answer = message as ResponseMessage;
  const { error, result } = answer as { error?: unknown; result?: unknown };
  if (error === undefined || isErrorObject(error)) return answer;
  // JSON-RPC 1.0 has both in each answer.
  if (error === null && result !== undefined) return { ...answer, error: undefined };
  return { ...answer, error: MALFORMED_ERROR };
};

type ErrorObject = NonNullable<ResponseMessage['error']>;

const isErrorObject = (error: unknown): error is ErrorObject => {
  if (typeof error !== 'object' || error === null) return false;
  const { code, message } = error as Partial<Record<keyof ErrorObject, unknown>>;
  return Number.isSafeInteger(code) && typeof message === 'string';
};

const MALFORMED_ERROR: ErrorObject = {
  code: errorKinds.invalidAnswer,
  message: 'the answer has an error without a code and a message',
  data: { kind: 'invalidAnswer', field: 'error' },
};

// ErrorCodes.PendingResponseRejected of vscode-jsonrpc: disposed before the answer came.
const NO_ANSWER = -32097;

// A connection of vscode-jsonrpc counts its requests from 0.
const FIRST_ID = 0;

const messageIn = (body: Buffer): Message | undefined => {
  try {
    const parsed = parseMessage(body);
    return isBatch(parsed) ? undefined : parsed;
  } catch {
    return undefined;
  }
};

const notificationNames = new Map(
  Object.entries(serverNotifications).map(([name, spec]) => [
    spec.method as string,
    name as keyof ServerNotifications,
  ]),
);

const eventsOf = ({ onError, onClose, onPartialMessage }: FrameMessageReader) => ({
  onError,
  onClose,
  onPartialMessage,
});

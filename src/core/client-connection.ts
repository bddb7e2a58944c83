import type { Readable, Writable } from 'node:stream';
import {
  createMessageConnection,
  type DataCallback,
  Message,
  type MessageConnection,
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
import { RequestError } from './errors.ts';
import { NoiseRecord } from './noise.ts';

/** What to do with the things that the server says unasked; without a handler one is passed over. */
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
  #problem: string | undefined;
  #begun = false;

  /** What came before the first frame: what a login shell printed, say. Without a first frame it is all that came. */
  readonly noise = new NoiseRecord();

  /**
   * @param onEnd called when the stream has ended or broken; `lose` must follow, and says what callers are told
   */
  constructor(input: Readable, output: Writable, handlers: NotificationHandlers, onEnd: () => void) {
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
        listen: callback => this.#reader.listen(this.#deliver(callback)),
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
   * @throws {RequestError} when the server answers with an error
   * @throws {Error} what `lose` was given, when no answer can come any more
   */
  async request<Spec extends RequestSpec>(spec: Spec, params: ParamsIn<Spec>): Promise<ResultOut<Spec>> {
    let answer: unknown;
    try {
      answer = await this.#connection.sendRequest(spec.method, params);
    } catch (error) {
      if (error instanceof ResponseError && error.code !== NO_ANSWER)
        throw new RequestError(spec.method, error);
      // On a connection that has ended it isn't known yet why; whoever is told of the end finds it out.
      throw await this.#lost;
    }
    return parse(spec.result, answer, `answer to ${spec.method}`) as ResultOut<Spec>;
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
    return isAnswer || message.id === null;
  }

  /** Ends the connection from here, as if this problem had come up on it. */
  giveUp(problem: string): void {
    this.#fail(problem);
  }

  #fail(problem: string): void {
    this.#problem ??= problem;
    this.#onEnd();
  }

  /**
   * Notifications go straight to their handlers: the queue of the connection takes one message for each
   * turn of the event loop, and grows while output arrives faster.
   */
  #deliver(callback: DataCallback): DataCallback {
    return message => {
      if (!Message.isNotification(message)) {
        // The server could not tell which request it refuses; whoever waits for that one would wait for ever.
        if (Message.isResponse(message) && message.id === null) {
          this.#fail(message.error?.message ?? 'an answer without an id');
        }
        callback(message);
        return;
      }
      this.#reader.dispatched();
      const name = notificationNames.get(message.method);
      const handle = name && (this.#handlers[name] as ((params: unknown) => void) | undefined);
      if (name === undefined || handle === undefined) return;
      try {
        handle(parse(serverNotifications[name].params, message.params, message.method));
      } catch (error) {
        this.#fail(`${message.method}: ${(error as Error).message}`);
      }
    };
  }
}

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

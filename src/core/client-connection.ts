import type { Readable, Writable } from 'node:stream';
import { Message, ResponseError } from 'vscode-jsonrpc/node';
import type { NotificationSpec, ParamsIn, ParamsOut, RequestSpec, ResultOut } from '../protocol/define.ts';
import { FirstFrame } from '../protocol/framing/first-frame.ts';
import { isBatch, parseMessage } from '../protocol/framing/message-parser.ts';
import { type ServerNotifications, serverNotifications } from '../protocol/messages.ts';
import { parse } from '../protocol/parse.ts';
import { RpcClient } from '../protocol/rpc/client.ts';
import { FIRST_REQUEST_ID } from '../protocol/rpc/peer.ts';
import { sessionAck, shutdown } from '../protocol/session.ts';
import { settledWithin } from '../system/deadline.ts';
import { checkedResult } from './answers.ts';
import { ConnectionLostError, connectionFailed, connectionLost, RequestError } from './errors.ts';
import { SEND_QUEUE_BYTES } from './limits.ts';
import { parseOutputParams } from './output-params.ts';
import type { Resuming, SessionState } from './resume/resuming.ts';
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
  /** The command that carries the connection, for the likely cause of a failure. */
  readonly argv?: readonly string[] | undefined;
  /** Resolves when the input has ended: with the end of the program that carried the connection, if there is one. */
  readonly ended?: Promise<TransportEnd | undefined> | undefined;
  /** Ends the connection. Idempotent. */
  close(): Promise<void>;
  /** Ends the connection without waiting for the server. */
  abort?(): Promise<void>;
  /** Leaves a connection that is lost; a server that keeps its session survives. Default: `abort`. */
  hangUp?(): void;
};

/** Handlers for notifications of the server; one without a handler is ignored. */
export type NotificationHandlers = {
  readonly [Name in Exclude<keyof ServerNotifications, 'session/ack'>]?: (
    params: ParamsOut<ServerNotifications[Name]>,
  ) => void;
};

/** Receiver of what the server sends without a request. */
export type Receiver = {
  readonly handlers: NotificationHandlers;
  /** Called once, when the connection has ended. */
  onLost(error: ConnectionLostError): void;
};

/** The client's end of a connection: typed requests out, notifications in. The error of its end is composed here. */
export class ClientConnection {
  #streams: ClientStreams;
  readonly #client: RpcClient<ConnectionLostError>;
  readonly #startUpOutput = new StartUpOutputRecord();
  #receiver: Receiver = { handlers: {}, onLost: () => {} };
  /** True once the first request was answered, if only by an error, on a connection without a problem. */
  #answered = false;
  #closing = false;
  #resuming: Resuming | undefined;

  /** Resolves when the connection has ended: with the error, unless `close` was called. Never rejects. */
  readonly closed: Promise<ConnectionLostError | undefined>;

  constructor(streams: ClientStreams) {
    this.#streams = streams;
    this.#client = new RpcClient<ConnectionLostError>({
      input: streams.input,
      output: streams.output,
      firstFrame: new FirstFrame({
        accepts: body => this.#answersFirstRequest(body),
        skipped: bytes => this.#startUpOutput.push(bytes),
      }),
      onNotification: (method, params) => this.#notified(method, params),
      describeEnd: () => this.#describeEnd(),
    });
    this.closed = this.#client.ended.then(error => {
      this.#receiver.onLost(error);
      return this.#closing ? undefined : error;
    });
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
    let result: unknown;
    try {
      result = await this.#client.request(spec.method, params);
    } catch (error) {
      throw error instanceof ResponseError ? new RequestError(spec.method, error) : error;
    }
    return checkedResult(spec, result);
  }

  /** Sends a notification; has no effect on a closed connection. */
  notify<Spec extends NotificationSpec>(spec: Spec, params: ParamsIn<Spec>): Promise<void> {
    return this.#client.notify(spec, params);
  }

  /** Resolves when few bytes are queued for the server; `undefined` if that is the case. */
  shortened(): Promise<void> | undefined {
    return this.#client.queueShort(SEND_QUEUE_BYTES);
  }

  /** Sends bytes in binary frames from now on. */
  useBinaryFrames(): void {
    this.#client.useBinaryFrames();
  }

  /**
   * Continues as a session that outlives its pipe.
   *
   * @param resume receives the bytes that the pipe has carried
   */
  keep(resume: (carried: { receivedBytes: number; sentBytes: number }) => Resuming): void {
    const { receivedBytes, sentBytes } = this.#client.carried;
    const skipped = this.startUpOutput?.bytes ?? 0;
    const resuming = resume({ receivedBytes: receivedBytes - skipped, sentBytes });
    this.#resuming = resuming;
    this.#streams = {
      ...this.#streams,
      get ended() {
        return resuming.ended;
      },
      close: () => resuming.close(),
      abort: () => resuming.abort(),
    };
    this.#client.moveTo(resuming.link);
    resuming.attachFirst();
  }

  /** The state of a session that outlives its pipe; `connected` for any other. */
  get state(): SessionState {
    return this.#resuming?.state ?? 'connected';
  }

  /** Leaves the pipe of a session that outlives it, and opens another one. No effect on any other connection. */
  reconnect(reason: string): void {
    this.#resuming?.reconnect(reason);
  }

  /** Ends the connection because of what the server sent, or did not send. The first problem counts. */
  fail(problem: string): void {
    this.#client.fail(problem);
  }

  /** Fails like `fail`, without giving the server time to end. */
  abort(problem: string): void {
    void this.#streams.abort?.();
    this.fail(problem);
  }

  /** Ends the connection and waits until it has ended. Idempotent. */
  async close(): Promise<void> {
    if (this.#resuming?.state === 'connected' && !this.#closing) {
      this.#closing = true;
      // Without it, the session would wait for a resume.
      await settledWithin(this.#client.request(shutdown.method, {}), SHUTDOWN_MS);
    }
    this.#closing = true;
    await this.#streams.close();
    await this.closed;
  }

  /** Checks that the connection has not failed. */
  async assertOpen(): Promise<void> {
    if (this.#client.problem !== undefined) throw await this.#client.ended;
  }

  /** Composes the error of a handshake that failed for a reason. */
  handshakeError(reason: string | undefined, transport?: TransportEnd): ConnectionLostError {
    const { label, argv = [] } = this.#streams;
    return connectionFailed({
      label,
      argv,
      reason,
      startUpOutput: this.#startUpOutput,
      transport,
    });
  }

  async #describeEnd(): Promise<ConnectionLostError> {
    if (!this.#closing) void this.#streams.close();
    const transport = await this.#streams.ended;
    if (this.#closing) return new ConnectionLostError('the connection was closed');
    const problem = this.#client.problem ?? this.#resuming?.reason;
    return this.#answered
      ? connectionLost(this.#streams.label, problem, transport)
      : this.handshakeError(problem, transport);
  }

  /** Checks that a body is the first message of a server; nothing else that looks like a frame is from one. */
  #answersFirstRequest(body: Buffer): boolean {
    const message = messageIn(body);
    if (message === undefined) return false;
    if (Message.isRequest(message) && message.id === FIRST_REQUEST_ID) {
      this.fail('the other side echoes the request');
    }
    if (!Message.isResponse(message)) return false;
    const isAnswer = message.id === FIRST_REQUEST_ID;
    this.#answered = isAnswer && this.#client.problem === undefined;
    // Without an id it means that the request could not be read.
    return isAnswer || message.id === null;
  }

  /** @throws {ExecServerError} if the params are not valid */
  #notified(method: string, params: unknown): void {
    if (!isDeclared(method)) return;
    if (method === sessionAck.method) {
      this.#resuming?.link.acknowledged(parse(sessionAck.params, params, method).bytes);
      return;
    }
    const handle = this.#receiver.handlers[method] as ((params: unknown) => void) | undefined;
    handle?.(
      method === 'process/output'
        ? parseOutputParams(params)
        : parse(serverNotifications[method].params, params, method),
    );
  }
}

/** Time for the answer to `shutdown`, in milliseconds. */
const SHUTDOWN_MS = 2000;

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

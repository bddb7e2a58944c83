import type { Readable, Writable } from 'node:stream';
import { Message } from 'vscode-jsonrpc/node';
import { deferred } from '../../system/deferred.ts';
import type { NotificationSpec, ParamsIn } from '../define.ts';
import { FrameMessageReader, type ReaderOptions } from '../framing/message-reader.ts';
import { FrameMessageWriter } from '../framing/message-writer.ts';
import { wellFormedAnswer } from './answer.ts';
import { Peer } from './peer.ts';

/** Options of the end of a connection that sends requests. */
export type RpcClientOptions<EndError extends Error> = Omit<ReaderOptions, 'onDetected'> & {
  readonly input: Readable;
  readonly output: Writable;
  /**
   * Handles a notification, in the order of arrival.
   *
   * @throws {Error} if it is not valid; then the connection fails
   */
  readonly onNotification: (method: string, params: unknown) => void;
  /** Makes the error of pending requests. Called once, when the connection ends; closes the streams. */
  readonly describeEnd: () => Promise<EndError>;
};

/**
 * The end of a connection that sends requests and receives notifications. Requests of the other side are answered with
 * an error.
 */
export class RpcClient<EndError extends Error> {
  readonly #reader: FrameMessageReader;
  readonly #writer: FrameMessageWriter;
  readonly #peer: Peer;
  readonly #onNotification: (method: string, params: unknown) => void;
  readonly #describeEnd: () => Promise<EndError>;
  readonly #ended = deferred<EndError>();
  #ending = false;
  #problem: string | undefined;

  /** Resolves with the error of pending requests when the connection has ended. */
  readonly ended: Promise<EndError> = this.#ended.promise;

  constructor({ input, output, onNotification, describeEnd, ...readerOptions }: RpcClientOptions<EndError>) {
    this.#onNotification = onNotification;
    this.#describeEnd = describeEnd;
    this.#reader = new FrameMessageReader(
      input,
      {
        refused: error => this.fail(`the server sent something that is not a message: ${error.message}`),
        lost: reason => this.fail(reason),
      },
      readerOptions,
    );
    this.#writer = new FrameMessageWriter(output);
    this.#peer = new Peer(this.#reader, this.#writer, {
      intercept: message => this.#intercept(message),
      onClose: () => void this.end(),
    });
    this.#peer.listen();
  }

  /**
   * Sends a request and waits for its answer.
   *
   * @returns the result, which is not checked
   * @throws {ResponseError} the error of the answer
   * @throws {EndError} if no answer can come
   */
  async request(method: string, params: unknown): Promise<unknown> {
    try {
      return await this.#peer.request(method, params);
    } catch (error) {
      throw this.#peer.isAnswer(error) ? error : await this.ended;
    }
  }

  /** Sends a notification; has no effect on a closed connection. */
  notify<Spec extends NotificationSpec>(spec: Spec, params: ParamsIn<Spec>): Promise<void> {
    return this.#peer.notify(spec.method, params);
  }

  /** Resolves when the queue is drained; `undefined` if it is not longer than `maxBytes`. */
  queueShort(maxBytes: number): Promise<void> | undefined {
    if (this.#writer.queuedBytes <= maxBytes) return undefined;
    return new Promise(resolve => this.#writer.whenDrained(resolve));
  }

  /** Sends bytes in binary frames from now on. */
  useBinaryFrames(): void {
    this.#writer.format = { ...this.#writer.format, binary: true };
  }

  /** Bytes that were received and sent. */
  get carried(): { readonly receivedBytes: number; readonly sentBytes: number } {
    return { receivedBytes: this.#reader.receivedBytes, sentBytes: this.#writer.sentBytes };
  }

  /** Continues with other streams, in the middle of a message if need be. */
  moveTo({ input, output }: { readonly input: Readable; readonly output: Writable }): void {
    this.#reader.moveTo(input);
    this.#writer.moveTo(output);
  }

  /** Asks the gate again whether the next frame may be handled. */
  proceed(): void {
    this.#reader.proceed();
  }

  /** The problem that the connection has failed with. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Ends the connection because of what the other side sent, or did not send. The first problem counts. */
  fail(problem: string): void {
    this.#problem ??= problem;
    // A server that continues to send must not fill memory until it has ended.
    this.#reader.discard();
    void this.end();
  }

  /** Ends the connection: pending requests are rejected once their error is made. Idempotent. */
  async end(): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    this.#ended.resolve(await this.#describeEnd());
    this.#peer.dispose();
  }

  /** Handles notifications directly, and lets the peer handle the rest. */
  #intercept(message: Message): Message | undefined {
    if (Message.isNotification(message)) {
      this.#notified(message.method, message.params);
      return undefined;
    }
    if (Message.isRequest(message)) {
      // Each is answered with an error. The answers are queued until the other side reads them.
      if (this.#writer.queuedBytes <= MAX_QUEUED_ANSWER_BYTES) return message;
      this.fail('the server sends requests and does not read the answers');
      return undefined;
    }
    const answer = wellFormedAnswer(message);
    if (answer.id !== null) return answer;
    // It is not known which request the server refuses; the caller of that request would wait forever.
    this.fail(answer.error?.message ?? 'the server sent an answer without an id');
    return undefined;
  }

  #notified(method: string, params: unknown): void {
    try {
      this.#onNotification(method, params);
    } catch (error) {
      this.fail(`${method}: ${(error as Error).message}`);
    }
  }
}

/** Answers to requests of the other side that wait until it reads them, in bytes. */
const MAX_QUEUED_ANSWER_BYTES = 1024 * 1024;

import { type IncomingMessage, METHODS } from 'node:http';
import type { ParamsOut, ResultIn } from '../../protocol/define.ts';
import {
  ExecServerError,
  httpFailed,
  httpRequestExists,
  invalidParams,
  limitExceeded,
  shuttingDown,
} from '../../protocol/errors.ts';
import { base64Length } from '../../protocol/framing/encode.ts';
import { type HttpHeader, httpBodyDelta } from '../../protocol/http.ts';
import type { Requests } from '../../protocol/messages.ts';
import { startTimer } from '../../system/deadline.ts';
import type { AnswerMemory } from '../memory/answer-memory.ts';
import type { PartialAnswers } from '../memory/partial-answers.ts';
import type { Outlet } from '../outlet.ts';
import { exchange, type HttpExchange, isHttp, RedirectRefused } from './exchange.ts';
import { MAX_HTTP_REQUESTS } from './limits.ts';
import { readBody } from './read-body.ts';
import { type HttpHost, sentHeaders } from './request-headers.ts';

type Params = ParamsOut<Requests['http/request']>;
type Result = ResultIn<Requests['http/request']>;

/** The HTTP requests of one connection. A `requestId` is in use until its response is complete. */
export class HttpRequests {
  readonly #host: HttpHost;
  readonly #outbound: Outlet;
  readonly #answers: AnswerMemory;
  readonly #parts: PartialAnswers;
  readonly #pending = new Map<string, AbortController>();
  #stopped = false;

  /**
   * @param host has the variables that headers may name
   * @param answers the memory of answers
   * @param parts the memory of bodies that are being received
   */
  constructor(host: HttpHost, outbound: Outlet, answers: AnswerMemory, parts: PartialAnswers) {
    this.#host = host;
    this.#outbound = outbound;
    this.#answers = answers;
    this.#parts = parts;
  }

  /**
   * Sends a request and returns the response. With `streamResponse` the body follows in notifications.
   *
   * @throws {ExecServerError} `invalidParams`, `httpRequestExists`, `limitExceeded`, `httpFailed`,
   *   `shuttingDown`
   */
  async request(params: Params): Promise<Result> {
    const { requestId, timeoutMs, redirectPolicy, streamResponse } = params;
    const sent = toExchange(params, this.#host);
    const { signal, release } = this.#register(requestId, timeoutMs);
    let streaming = false;
    try {
      const response = await exchange(sent, redirectPolicy === 'follow', signal);
      const answer = { status: response.statusCode ?? 0, headers: headersOf(response) };
      if (!streamResponse) {
        return await this.#parts.making(async grow => {
          const body = await readBody(response, grow);
          return this.#answers.making(2 * base64Length(body.length), () => ({ ...answer, bodyBase64: body }));
        });
      }
      streaming = true;
      // The answer is queued in this turn of the event loop, before the first part of the body.
      setImmediate(() => void this.#stream(requestId, response, signal).finally(release));
      return { ...answer, bodyBase64: '' };
    } catch (error) {
      throw error instanceof ExecServerError ? error : failure(error, sent.url, signal);
    } finally {
      if (!streaming) release();
    }
  }

  /** Aborts all requests, and refuses further ones. */
  stop(): void {
    this.#stopped = true;
    for (const controller of this.#pending.values()) controller.abort(CLOSED);
  }

  #register(requestId: string, timeoutMs: number | undefined) {
    if (this.#stopped) throw shuttingDown();
    if (this.#pending.has(requestId)) throw httpRequestExists(requestId);
    if (this.#pending.size >= MAX_HTTP_REQUESTS) {
      throw limitExceeded('httpRequests', this.#pending.size + 1, MAX_HTTP_REQUESTS);
    }
    const controller = new AbortController();
    this.#pending.set(requestId, controller);
    const timer =
      timeoutMs === undefined
        ? undefined
        : startTimer(timeoutMs, () => controller.abort(timedOut(timeoutMs)));
    const release = () => {
      timer?.cancel();
      this.#pending.delete(requestId);
    };
    return { signal: controller.signal, release };
  }

  async #stream(requestId: string, response: IncomingMessage, signal: AbortSignal): Promise<void> {
    let seq = 0;
    const send = (delta: Buffer, done: boolean, error: string | null) => {
      seq += 1;
      this.#outbound.notify(httpBodyDelta, {
        requestId,
        seq,
        deltaBase64: delta.toString('base64'),
        done,
        error,
      });
    };
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        send(chunk, false, null);
        // The response is not read while the client does not keep up.
        if (!this.#outbound.open) await this.#writable();
      }
      send(EMPTY, true, null);
    } catch (error) {
      send(EMPTY, true, reasonOf(error, signal));
    }
  }

  #writable(): Promise<void> {
    return new Promise(resolve => {
      this.#outbound.wait({
        sendNext: () => {
          resolve();
          return false;
        },
      });
    });
  }
}

const EMPTY = Buffer.alloc(0);
const CLOSED = 'the connection was closed';

const timedOut = (timeoutMs: number): string => `timed out after ${timeoutMs} ms`;

const toExchange = ({ method, url, headers, bodyBase64 }: Params, host: HttpHost): HttpExchange => {
  const verb = method.toUpperCase();
  if (!METHODS.includes(verb) || verb === 'CONNECT') {
    throw invalidParams('method', 'expected an HTTP method other than CONNECT');
  }
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !isHttp(parsed)) throw invalidParams('url', 'expected an http or https URL');
  return { method: verb, url: parsed, headers: sentHeaders(headers, host), body: bodyBase64 };
};

const headersOf = ({ rawHeaders }: IncomingMessage): HttpHeader[] =>
  Array.from({ length: rawHeaders.length / 2 }, (_, at) => ({
    name: (rawHeaders[2 * at] as string).toLowerCase(),
    value: rawHeaders[2 * at + 1] as string,
  }));

const failure = (error: unknown, { host }: URL, signal: AbortSignal): ExecServerError =>
  httpFailed(
    host,
    reasonOf(error, signal),
    signal.aborted ? undefined : (error as NodeJS.ErrnoException).code,
    { cause: error },
  );

// Messages of Node may contain the URL with its query.
const reasonOf = (error: unknown, signal: AbortSignal): string => {
  if (signal.aborted) return String(signal.reason);
  if (error instanceof RedirectRefused) return error.message;
  const { code, message } = error as NodeJS.ErrnoException;
  if (message === 'aborted') return 'the connection was closed before the end of the response';
  return code ?? 'unknown error';
};

import { Readable } from 'node:stream';
import type { ParamsOut } from '../protocol/define.ts';
import type { EnvironmentInfo } from '../protocol/environment.ts';
import { httpFailed, limitExceeded } from '../protocol/errors.ts';
import { type HttpHeader, httpBodyDelta, httpRequest } from '../protocol/http.ts';
import type { ServerNotifications } from '../protocol/messages.ts';
import { assertHeadersSupported } from './capability-check.ts';
import type { ClientConnection } from './client-connection.ts';
import { RequestError } from './errors.ts';
import { MAX_UNREAD_BODY_BYTES } from './limits.ts';

/** A header field of a request. */
export type HttpRequestHeader = HttpHeader & { readonly valueEnvVar?: string | undefined };

/** Options of an HTTP request that the server sends. */
export type HttpOptions = {
  /** Default: `GET`. */
  readonly method?: string | undefined;
  /** Header fields by name, or in their order. The value of a field may end with a variable of the server, `valueEnvVar`. */
  readonly headers?: Readonly<Record<string, string>> | readonly HttpRequestHeader[] | undefined;
  readonly body?: Uint8Array | string | undefined;
  /** Time limit of the whole exchange, in milliseconds. */
  readonly timeoutMs?: number | undefined;
  /** `follow` (default): up to ten redirections. `stop`: the response is returned as it is. */
  readonly redirect?: 'follow' | 'stop' | undefined;
};

/** Options of an HTTP request whose response is streamed. */
export type HttpStreamOptions = HttpOptions & {
  /** The most bytes of the body that wait to be read; more is a `limitExceeded` error. Default: 16 MiB. */
  readonly maxUnreadBytes?: number | undefined;
};

/** An HTTP response of any status. */
export type HttpResponse<Body = Buffer> = {
  readonly status: number;
  /** Header fields in their order, with names in lower case. */
  readonly headers: readonly HttpHeader[];
  /** The body as it was sent, compressed or not. */
  readonly body: Body;
};

/** The HTTP requests of one connection. */
export class HttpRequests {
  readonly #connection: ClientConnection;
  readonly #info: EnvironmentInfo;
  readonly #bodies = new Map<string, HttpBody>();
  #nextId = 1;

  constructor(connection: ClientConnection, info: EnvironmentInfo) {
    this.#connection = connection;
    this.#info = info;
  }

  async request(url: string, options: HttpOptions = {}): Promise<HttpResponse> {
    const params = this.#paramsOf(url, options);
    const { bodyBase64: body, ...head } = await this.#connection.request(httpRequest, params);
    return { ...head, body };
  }

  async stream(
    url: string,
    { maxUnreadBytes = MAX_UNREAD_BODY_BYTES, ...options }: HttpStreamOptions = {},
  ): Promise<HttpResponse<Readable>> {
    const params = this.#paramsOf(url, options);
    const body = new HttpBody(url, maxUnreadBytes);
    // Known before it is sent: a part of the body can arrive before the answer.
    this.#bodies.set(params.requestId, body);
    try {
      const answer = await this.#connection.request(httpRequest, { ...params, streamResponse: true });
      return { status: answer.status, headers: answer.headers, body };
    } catch (error) {
      this.#bodies.delete(params.requestId);
      throw error;
    }
  }

  #paramsOf(url: string, options: HttpOptions) {
    const params = paramsOf(`h${this.#nextId++}`, url, options);
    assertHeadersSupported(httpRequest.method, params.headers, this.#info);
    return params;
  }

  onBodyDelta(delta: ParamsOut<ServerNotifications['http/request/bodyDelta']>): void {
    this.#bodies.get(delta.requestId)?.onDelta(delta);
    if (delta.done) this.#bodies.delete(delta.requestId);
  }

  onLost(error: Error): void {
    for (const body of this.#bodies.values()) body.destroy(error);
    this.#bodies.clear();
  }
}

/** The body of a response. The protocol cannot pause one, so the bytes that wait to be read are limited. */
class HttpBody extends Readable {
  readonly #url: string;
  readonly #maxUnreadBytes: number;
  #nextSeq = 1;

  constructor(url: string, maxUnreadBytes: number) {
    super({ read: () => {} });
    this.#url = url;
    this.#maxUnreadBytes = maxUnreadBytes;
    // A reader gets the error; without a reader it must not end the program.
    this.on('error', () => {});
  }

  onDelta({ seq, deltaBase64, done, error }: ParamsOut<ServerNotifications['http/request/bodyDelta']>): void {
    if (this.destroyed) return;
    const problem = error ?? (seq === this.#nextSeq ? undefined : 'a part of the body is missing');
    this.#nextSeq += 1;
    if (problem !== undefined) {
      this.#fail(httpFailed(new URL(this.#url).host, problem, undefined));
      return;
    }
    const bytes = this.readableLength + deltaBase64.length;
    if (bytes > this.#maxUnreadBytes) {
      this.#fail(limitExceeded('unreadBodyBytes', bytes, this.#maxUnreadBytes));
      return;
    }
    if (deltaBase64.length > 0) this.push(deltaBase64);
    if (done) this.push(null);
  }

  #fail(problem: ConstructorParameters<typeof RequestError>[1]): void {
    this.destroy(new RequestError(httpBodyDelta.method, problem));
  }
}

const paramsOf = (
  requestId: string,
  url: string,
  { method = 'GET', headers = [], body, timeoutMs, redirect }: HttpOptions,
) => ({
  requestId,
  method,
  url,
  headers: headerFields(headers),
  bodyBase64: body === undefined ? undefined : Buffer.from(body as Uint8Array).toString('base64'),
  timeoutMs,
  redirectPolicy: redirect,
});

const headerFields = (headers: NonNullable<HttpOptions['headers']>): HttpRequestHeader[] =>
  Array.isArray(headers)
    ? [...headers]
    : Object.entries(headers as Record<string, string>).map(([name, value]) => ({ name, value }));

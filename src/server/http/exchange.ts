import { type IncomingMessage, request as requestPlain } from 'node:http';
import { request as requestSecure } from 'node:https';
import type { HttpHeader } from '../../protocol/http.ts';
import { MAX_HTTP_REDIRECTS } from './limits.ts';

/** A header field to send. A secret one is for the origin of the request only. */
export type SentHeader = HttpHeader & { readonly secret: boolean };

/** A request to send. */
export type HttpExchange = {
  readonly method: string;
  readonly url: URL;
  readonly headers: readonly SentHeader[];
  readonly body: Buffer | undefined;
};

/** Too many redirects, or a redirect to a URL other than http or https. */
export class RedirectRefused extends Error {
  override readonly name = 'RedirectRefused';
}

/**
 * Sends a request and resolves with the response once its headers have arrived.
 *
 * @param follow true to follow redirects
 * @throws {RedirectRefused}
 * @throws {NodeJS.ErrnoException} for an error of the network or TLS, or a response that is not HTTP
 */
export const exchange = async (
  sent: HttpExchange,
  follow: boolean,
  signal: AbortSignal,
): Promise<IncomingMessage> => {
  for (let redirects = 0; ; redirects += 1) {
    const response = await send(sent, signal);
    const target = follow ? redirectTarget(response, sent.url) : undefined;
    if (target === undefined) return response;
    response.destroy();
    if (redirects === MAX_HTTP_REDIRECTS) {
      throw new RedirectRefused(`more than ${MAX_HTTP_REDIRECTS} redirects`);
    }
    if (!isHttp(target)) throw new RedirectRefused('redirected to a URL other than http or https');
    sent = redirected(sent, response.statusCode ?? 0, target);
  }
};

/** True for an http or https URL. */
export const isHttp = ({ protocol }: URL): boolean => protocol === 'http:' || protocol === 'https:';

const send = ({ method, url, headers, body }: HttpExchange, signal: AbortSignal): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? requestSecure : requestPlain)(url, {
      method,
      signal,
      agent: false,
      setHost: !headers.some(({ name }) => name.toLowerCase() === 'host'),
    });
    request.on('response', resolve).on('error', reject);
    for (const { name, value } of headers) {
      if (!HOP_BY_HOP.has(name.toLowerCase())) request.appendHeader(name, value);
    }
    request.end(body);
  });

// Node sets the framing headers of the message.
const HOP_BY_HOP: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'connection']);

const REDIRECTS: ReadonlySet<number | undefined> = new Set([301, 302, 303, 307, 308]);

const redirectTarget = ({ statusCode, headers }: IncomingMessage, from: URL): URL | undefined =>
  REDIRECTS.has(statusCode) && headers.location !== undefined && URL.canParse(headers.location, from.href)
    ? new URL(headers.location, from.href)
    : undefined;

/** Returns the request to send after a redirect, by RFC 9110 section 15.4; 301 and 302 as in browsers. */
const redirected = (
  { method, url, headers, body }: HttpExchange,
  status: number,
  target: URL,
): HttpExchange => {
  const withoutBody =
    (status === 303 && method !== 'HEAD') || ((status === 301 || status === 302) && method === 'POST');
  const dropped = new Set(['host', ...(withoutBody ? BODY_HEADERS : [])]);
  // Credentials are for the original origin only.
  const isElsewhere = target.origin !== url.origin;
  if (isElsewhere) for (const name of CREDENTIAL_HEADERS) dropped.add(name);
  return {
    method: withoutBody ? 'GET' : method,
    url: target,
    headers: headers.filter(
      ({ name, secret }) => !dropped.has(name.toLowerCase()) && !(secret && isElsewhere),
    ),
    body: withoutBody ? undefined : body,
  };
};

const BODY_HEADERS = ['content-type', 'content-encoding', 'content-language', 'content-location'];
const CREDENTIAL_HEADERS = ['authorization', 'cookie', 'cookie2', 'proxy-authorization', 'www-authenticate'];

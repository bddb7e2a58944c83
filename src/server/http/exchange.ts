import { type IncomingMessage, request as requestPlain } from 'node:http';
import { request as requestSecure } from 'node:https';
import type { HttpHeader } from '../../protocol/http.ts';
import { MAX_HTTP_REDIRECTS } from './limits.ts';

/** A request as it goes out. */
export type HttpExchange = {
  readonly method: string;
  readonly url: URL;
  readonly headers: readonly HttpHeader[];
  readonly body: Buffer | undefined;
};

/** More redirects than are followed, or one to somewhere that isn't http. */
export class RedirectRefused extends Error {
  override readonly name = 'RedirectRefused';
}

/**
 * Sends a request and resolves with the response once its headers are there.
 *
 * @param follow whether to go where a response redirects to
 * @throws {RedirectRefused}
 * @throws {NodeJS.ErrnoException} from the network, from TLS or from a response that is no HTTP
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
    if (!isHttp(target)) throw new RedirectRefused('a redirect to something that is not http or https');
    sent = redirected(sent, response.statusCode ?? 0, target);
  }
};

/** Whether a URL is one that can be asked for. */
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

// How the message is framed on this connection is decided here; Node adds what it needs.
const HOP_BY_HOP: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'connection']);

const REDIRECTS: ReadonlySet<number | undefined> = new Set([301, 302, 303, 307, 308]);

const redirectTarget = ({ statusCode, headers }: IncomingMessage, from: URL): URL | undefined =>
  REDIRECTS.has(statusCode) && headers.location !== undefined && URL.canParse(headers.location, from.href)
    ? new URL(headers.location, from.href)
    : undefined;

/** What a redirect makes of a request; RFC 9110 section 15.4, and what browsers do with 301 and 302. */
const redirected = (
  { method, url, headers, body }: HttpExchange,
  status: number,
  target: URL,
): HttpExchange => {
  const withoutBody =
    (status === 303 && method !== 'HEAD') || ((status === 301 || status === 302) && method === 'POST');
  const dropped = new Set(['host', ...(withoutBody ? OF_THE_BODY : [])]);
  // What says who is asking is meant for the origin that was asked.
  if (target.origin !== url.origin) for (const name of CREDENTIALS) dropped.add(name);
  return {
    method: withoutBody ? 'GET' : method,
    url: target,
    headers: headers.filter(({ name }) => !dropped.has(name.toLowerCase())),
    body: withoutBody ? undefined : body,
  };
};

const OF_THE_BODY = ['content-type', 'content-encoding', 'content-language', 'content-location'];
const CREDENTIALS = ['authorization', 'cookie', 'cookie2', 'proxy-authorization', 'www-authenticate'];

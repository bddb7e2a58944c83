import * as z from 'zod/mini';
import { notification, request } from './define.ts';
import { Bytes, CarriedBytes, clientId, flag, maybe, milliseconds, withDefault } from './fields.ts';
import { MAX_HTTP_HEADERS, MAX_HTTP_HEADERS_LENGTH, MAX_URL_LENGTH } from './limits.ts';

const RequestId = clientId(
  "The client's own name for the exchange, unique among the open ones: any text of up to 4,096 bytes.",
);

/** One header field. A field that comes several times stands there as often. */
export const HttpHeader = z.object({
  name: z.string().check(z.describe('Its name.')),
  value: z.string().check(z.describe('Its value, each character a byte.')),
});
export type HttpHeader = z.output<typeof HttpHeader>;

const lengthOf = (headers: readonly HttpHeader[]): number =>
  headers.reduce((sum, { name, value }) => sum + name.length + value.length, 0);

export const httpRequest = request('http/request', () => ({
  doc: `Sends an HTTP request from where the server runs, and answers with what came back, whatever its status.

Nothing is added to the request but \`Host\`, \`Content-Length\` and \`Connection\`; \`Content-Length\`,
\`Transfer-Encoding\` and \`Connection\` that are sent here are replaced by the server's own. The body of the response
comes as it was sent, also if it is compressed.`,
  params: z.object({
    requestId: RequestId,
    method: z.string().check(z.maxLength(64), z.describe('`GET`, `POST`, …; not `CONNECT`.')),
    url: z.string().check(z.maxLength(MAX_URL_LENGTH), z.describe('An http or https URL.')),
    headers: withDefault(
      z.array(HttpHeader).check(
        z.maxLength(MAX_HTTP_HEADERS),
        z.refine(
          headers => lengthOf(headers) <= MAX_HTTP_HEADERS_LENGTH,
          `expected names and values of at most ${MAX_HTTP_HEADERS_LENGTH} characters in all`,
        ),
        z.describe('Header fields, in their order.'),
      ),
      [],
    ),
    bodyBase64: maybe(Bytes.check(z.describe('The body of the request; none unless given.'))),
    timeoutMs: maybe(milliseconds('For all of it, to the last byte of the body; unlimited unless given.')),
    redirectPolicy: withDefault(
      z
        .enum(['follow', 'stop'])
        .check(
          z.describe(
            'Whether to go where a response redirects to, ten times at most; `follow` unless given.',
          ),
        ),
      'follow',
    ),
    streamResponse: flag(
      'Whether the body comes in `http/request/bodyDelta`, after the answer; `bodyBase64` is then empty.',
    ),
  }),
  result: z.object({
    status: z.int().check(z.describe('The status code.')),
    headers: z.array(HttpHeader).check(z.describe('Header fields as they came, names in lower case.')),
    bodyBase64: CarriedBytes,
  }),
}));

export const httpBodyDelta = notification('http/request/bodyDelta', () => ({
  doc: 'The next part of the body of a response that was asked for with `streamResponse`.',
  params: z.object({
    requestId: RequestId,
    seq: z.int().check(z.minimum(1), z.describe('Counts the parts of this body, from 1, without gaps.')),
    deltaBase64: Bytes.check(z.describe('Empty in the last part.')),
    done: z.boolean().check(z.describe('Whether this is the last part; then `requestId` is free again.')),
    error: z.nullable(
      z.string().check(z.describe('Why the body ends before its end; `null` if it is whole or goes on.')),
    ),
  }),
}));

/** The requests of this file by wire name. */
export const httpRequests = {
  'http/request': httpRequest,
} as const;

/** The notifications of this file by wire name. */
export const httpNotifications = {
  'http/request/bodyDelta': httpBodyDelta,
} as const;

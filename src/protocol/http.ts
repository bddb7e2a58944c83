import * as z from 'zod/mini';
import { notification, request } from './define.ts';
import { Bytes, CarriedBytes, clientId, flag, maybe, milliseconds, withDefault } from './fields.ts';
import { MAX_HTTP_HEADERS, MAX_HTTP_HEADERS_LENGTH, MAX_URL_LENGTH } from './limits.ts';

const RequestId = clientId(
  "The client's id of the request, unique among its open ones: any text of up to 4,096 bytes.",
);

/** One header field. A repeated field is listed repeatedly. */
export const HttpHeader = z.object({
  name: z.string().check(z.describe('Its name.')),
  value: z.string().check(z.describe('Its value, each character a byte.')),
});
export type HttpHeader = z.output<typeof HttpHeader>;

/** One header field of a request, whose value may end with a variable of the server. */
export const RequestHeader = z.extend(HttpHeader, {
  valueEnvVar: maybe(
    z
      .string()
      .check(
        z.describe(
          "Name of a variable of the server's environment; its value follows `value`, as in `Bearer ` and a token. Refused if it is not set or empty. Announced as `httpHeaderEnvVars`.",
        ),
      ),
  ),
});
export type RequestHeader = z.output<typeof RequestHeader>;

const lengthOf = (headers: readonly HttpHeader[]): number =>
  headers.reduce((sum, { name, value }) => sum + name.length + value.length, 0);

export const httpRequest = request('http/request', () => ({
  doc: `Sends an HTTP request from the server's machine and returns the response, whatever its status.

Only \`Host\`, \`Content-Length\` and \`Connection\` are added to the request; the server replaces
\`Content-Length\`, \`Transfer-Encoding\` and \`Connection\` of the client by its own. The body of the response is
returned as received, also if it is compressed.`,
  params: z.object({
    requestId: RequestId,
    method: z.string().check(z.maxLength(64), z.describe('`GET`, `POST`, …; not `CONNECT`.')),
    url: z.string().check(z.maxLength(MAX_URL_LENGTH), z.describe('An http or https URL.')),
    headers: withDefault(
      z.array(RequestHeader).check(
        z.maxLength(MAX_HTTP_HEADERS),
        z.refine(
          headers => lengthOf(headers) <= MAX_HTTP_HEADERS_LENGTH,
          `expected names and values of at most ${MAX_HTTP_HEADERS_LENGTH} characters in all`,
        ),
        z.describe('Header fields, in their order.'),
      ),
      [],
    ),
    bodyBase64: maybe(Bytes.check(z.describe('The body of the request. Default: none.'))),
    timeoutMs: maybe(
      milliseconds('Time limit of the whole exchange, to the last byte of the body. Default: none.'),
    ),
    redirectPolicy: withDefault(
      z
        .enum(['follow', 'stop'])
        .check(
          z.describe(
            '`follow`: follow redirects, at most ten. `stop`: return the redirect. Default: `follow`.',
          ),
        ),
      'follow',
    ),
    streamResponse: flag(
      'True to receive the body in `http/request/bodyDelta` after the answer; `bodyBase64` is then empty.',
    ),
  }),
  result: z.object({
    status: z.int().check(z.describe('The status code.')),
    headers: z.array(HttpHeader).check(z.describe('Header fields as received, with names in lower case.')),
    bodyBase64: CarriedBytes,
  }),
}));

export const httpBodyDelta = notification('http/request/bodyDelta', () => ({
  doc: 'The next part of the body of a response with `streamResponse`.',
  params: z.object({
    requestId: RequestId,
    seq: z.int().check(z.minimum(1), z.describe('Number of the part, from 1, without gaps.')),
    deltaBase64: Bytes.check(z.describe('Empty in the last part.')),
    done: z.boolean().check(z.describe('True in the last part; `requestId` may then be reused.')),
    error: z.nullable(
      z
        .string()
        .check(z.describe('The reason why the body is incomplete; `null` if it is complete or continues.')),
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

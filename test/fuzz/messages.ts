import fc from 'fast-check';
import * as z from 'zod/mini';
import { requests } from '../../src/protocol/messages.ts';
import { asObject } from './frames.ts';
import { POOLS } from './pools.ts';
import type { Step } from './script.ts';
import { matching, mutated, oddText, oddValue, type Schema } from './values.ts';

/** A message, or a body that is none. */
export type Sent = Extract<Step, { message: unknown } | { body: string }>;

// A shutdown is the end of a script.
const params = Object.values(requests)
  .filter(({ method }) => method !== 'shutdown')
  .map(({ method, params }) => ({
    method,
    params: matching(z.toJSONSchema(params, { io: 'input', unrepresentable: 'any' }) as Schema, POOLS),
  }));

const WEIGHTS: Readonly<Record<string, number>> = {
  initialize: 1,
  'environment/refresh': 1,
  'process/start': 24,
  'process/write': 6,
  'process/read': 5,
  'process/signal': 4,
  'fs/open': 5,
  'fs/writeBlock': 4,
  'fs/readBlock': 4,
  'http/request': 5,
};

const id: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 40, arbitrary: fc.nat({ max: 2 ** 40 }).map(number => number + 1000) },
  {
    weight: 6,
    arbitrary: fc.constantFrom<unknown>(
      ...[
        0,
        -1,
        1.5,
        1,
        2,
        2,
        'a',
        '',
        '1',
        '__proto__',
        '\ud800',
        'x'.repeat(4096),
        2 ** 53 - 1,
        -(2 ** 53) + 1,
      ],
    ),
  },
  { weight: 1, arbitrary: oddValue },
);

const version = fc.constantFrom<unknown>({}, { jsonrpc: '2.0' }, { jsonrpc: '2.0' }, { jsonrpc: 1 });

const request = (how: (whole: fc.Arbitrary<unknown>) => fc.Arbitrary<unknown>) =>
  fc.oneof(
    ...params.map(({ method, params }) => ({
      weight: WEIGHTS[method] ?? 2,
      arbitrary: fc
        .tuple(version, id, how(params))
        .map(([start, id, params]): unknown => ({ ...(start as object), id, method, params })),
    })),
  );

const method = fc.oneof(
  fc.constantFrom('initialized', '$/cancelRequest', '$/progress', '$/setTrace', 'exit', 'process/start'),
  oddText,
);
const notification = fc
  .tuple(method, oddValue)
  .map(([method, params]): unknown => ({ jsonrpc: '2.0', method, params }));

const cancellation = fc
  .oneof(id, fc.constantFrom(1, 'probe-0'))
  .map((id): unknown => ({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id } }));

const answer = fc
  .tuple(fc.oneof(id, fc.constant(null)), fc.constantFrom('result', 'error', 'both'), oddValue)
  .map(([id, which, value]): unknown => ({
    jsonrpc: '2.0',
    id,
    ...(which !== 'error' && { result: value }),
    ...(which !== 'result' && { error: value }),
  }));

const unknownRequest = fc
  .tuple(id, method, oddValue)
  .map(([id, method, params]): unknown => ({ id, method, params }));

/** Any message. */
export const message: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 24, arbitrary: request(whole => whole) },
  { weight: 10, arbitrary: request(mutated) },
  { weight: 2, arbitrary: mutated(request(whole => whole)) },
  { weight: 1, arbitrary: notification },
  { weight: 1, arbitrary: cancellation },
  { weight: 1, arbitrary: answer },
  { weight: 1, arbitrary: unknownRequest },
);

const batch = fc.oneof(
  { weight: 8, arbitrary: fc.array(message, { minLength: 1, maxLength: 6, size: 'max' }) },
  { weight: 1, arbitrary: fc.array(oddValue, { maxLength: 6, size: 'max' }) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(128, 129)
      .map(size => Array.from({ length: size }, (_, at): unknown => ({ id: at, method: 'server/status' }))),
  },
);

/** The same request many times, with the same ids or with different ones. */
export const burst: fc.Arbitrary<Sent[]> = fc
  .tuple(
    request(whole => whole),
    fc.constantFrom(30, 70, 150),
    fc.boolean(),
  )
  .map(([drawn, times, distinctIds]) =>
    Array.from({ length: isStart(drawn) ? MAX_STARTS : times }, (_, at) => ({
      message: {
        ...asObject(drawn),
        id: `${at}`,
        params: distinctIds ? numbered(drawn, at) : asObject(drawn)?.params,
      },
    })),
  );

const MAX_STARTS = 20;

const isStart = (message: unknown): boolean => asObject(message)?.method === 'process/start';

const numbered = (message: unknown, at: number): unknown => {
  const params = Object.entries(asObject(asObject(message)?.params) ?? {});
  return Object.fromEntries(
    params.map(([name, value]) => [
      name,
      /^(process|handle|request|write)Id$/.test(name) ? `${value}-${at}` : value,
    ]),
  );
};

const text = (body: string): string => Buffer.from(body).toString('base64');

const badBody = fc.oneof(
  fc
    .constantFrom(
      ...[
        '',
        ' ',
        '{',
        '{}',
        '[',
        '[]',
        '"a"',
        '0',
        'null',
        'nul',
        '{"id":1',
        '{"id":1}',
        '{"method":1,"id":1}',
      ],
      ...['{"id":1,"id":2,"method":"server/status"}', '{"id":1e999,"method":"server/status"}', '\ufeff{}'],
      ...['{"id":"a","method":"server/status","params":{"a":1e999}}', '{"id":7,"method":"server/status",}'],
      ...['{"id":8,"method":"fs/readFile","params":{"path":"\\ud800"}}', '[{"id":1,"method":"x"},', '1e5000'],
      `{"id":9,"method":"server/status","params":${'['.repeat(63)}${']'.repeat(63)}}`,
      `{"id":9,"method":"server/status","params":${'['.repeat(5000)}${']'.repeat(5000)}}`,
      `{"id":9,"method":"server/status","params":[${'{},'.repeat(20_000)}0]}`,
      `{"id":9,"method":"server/status","params":{"a":"${'x'.repeat(1_000_000)}"}}`,
    )
    .map(text),
  fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes).toString('base64')),
  fc
    .tuple(message, fc.nat())
    .map(([message, at]) => JSON.stringify(message).slice(0, at % JSON.stringify(message).length))
    .map(text),
);

/** One message or body from the client. */
export const sent: fc.Arbitrary<Sent> = fc.oneof(
  { weight: 30, arbitrary: message.map(message => ({ message })) },
  { weight: 2, arbitrary: batch.map(message => ({ message })) },
  { weight: 2, arbitrary: badBody.map(body => ({ body })) },
);

import { expect } from 'chai';
import fc from 'fast-check';
import {
  MessageRefused,
  parseChunkMessage,
  parseMessage,
} from '../../../src/protocol/framing/message-parser.ts';
import { MAX_BATCH } from '../../../src/protocol/limits.ts';

/** The message, or the error of its refusal. */
const parse = (body: string | Buffer, read: (body: Buffer) => unknown = parseMessage): unknown => {
  try {
    return read(Buffer.from(body as string));
  } catch (error) {
    if (!(error instanceof MessageRefused)) throw error;
    const { code, kind, message } = error.reason;
    return { id: error.id, code, kind, message };
  }
};

const parseError = (message: string) => ({ id: null, code: -32700, kind: 'parseError', message });

const invalid = (message: string, id: string | number | null = null) => ({
  id,
  code: -32600,
  kind: 'invalidMessage',
  message,
});

describe('parseMessage', () => {
  const messages = [
    { jsonrpc: '2.0', id: 1, method: 'environment/info', params: {} },
    { id: 1, method: 'environment/info' },
    { id: '', method: '' },
    { id: -1.5, method: 'm', params: [1] },
    { id: Number.MAX_SAFE_INTEGER, method: 'm' },
    { method: 'initialized' },
    { method: '$/cancelRequest' },
    { id: 1, result: null },
    { id: 'a', error: { code: -1, message: 'm' } },
    { id: null, error: { code: -32700, message: 'm' } },
    { id: null, result: 1 },
  ];
  for (const message of messages) {
    it(`reads ${JSON.stringify(message)}`, () => {
      expect(parse(JSON.stringify(message))).to.deep.equal(message);
    });
  }

  it('parses each entry of a batch like a single message', () => {
    const parsed = parse('[{"id":1,"method":"m"},{"method":"n"},7,[],null,{"id":"a"}]') as unknown[];
    expect(
      parsed.map(entry => (entry instanceof MessageRefused ? [entry.id, entry.reason.message] : entry)),
    ).to.deep.equal([
      { id: 1, method: 'm' },
      { method: 'n' },
      [null, 'expected a JSON-RPC object, received number'],
      [null, 'expected a JSON-RPC object, received array'],
      [null, 'expected a JSON-RPC object, received null'],
      ['a', 'method: expected a string, but it is missing'],
    ]);
  });

  it('accepts a batch of the maximum length', () => {
    const batch = Array.from({ length: MAX_BATCH }, (_, id) => ({ id, method: 'm' }));
    expect(parse(JSON.stringify(batch))).to.deep.equal(batch);
  });

  const refused: Array<[body: string, refusal: object]> = [
    ['', parseError('the body is not valid JSON')],
    [' ', parseError('the body is not valid JSON')],
    ['{"id":1,', parseError('the body is not valid JSON')],
    ['\ufeff{}', parseError('the body is not valid JSON')],
    ['null', invalid('expected a JSON-RPC object, received null')],
    ['"text"', invalid('expected a JSON-RPC object, received string')],
    ['7', invalid('expected a JSON-RPC object, received number')],
    ['[]', invalid('a batch is empty')],
    [
      JSON.stringify(Array.from({ length: MAX_BATCH + 1 }, () => ({ method: 'm' }))),
      {
        id: null,
        code: -32600,
        kind: 'limitExceeded',
        message: `batchMessages: ${MAX_BATCH + 1} exceeds the limit of ${MAX_BATCH}`,
      },
    ],
    ['{}', invalid('expected a method, a result or an error')],
    ['{"result":1}', invalid('expected a method, a result or an error')],
    ['{"id":7}', invalid('method: expected a string, but it is missing', 7)],
    ['{"id":"a","method":5}', invalid('method: expected a string', 'a')],
    ['{"id":"a","method":null,"result":1}', invalid('method: expected a string', 'a')],
    [
      '{"id":null,"method":"m"}',
      invalid('id: expected a string of at most 4096 bytes or a number, received null'),
    ],
    [
      '{"id":true,"method":"m"}',
      invalid('id: expected a string of at most 4096 bytes or a number, received boolean'),
    ],
    [
      '{"id":{},"method":"m"}',
      invalid('id: expected a string of at most 4096 bytes or a number, received object'),
    ],
    [
      '{"id":[1],"result":1}',
      invalid('id: expected a string of at most 4096 bytes or a number, received object'),
    ],
    [
      '{"id":9007199254740993,"method":"m"}',
      invalid('id: expected a string of at most 4096 bytes or a number, received a number that is not exact'),
    ],
    [
      '{"id":1e999,"method":"m"}',
      invalid('id: expected a string of at most 4096 bytes or a number, received a number that is not exact'),
    ],
  ];
  for (const [body, refusal] of refused) {
    it(`refuses ${JSON.stringify(body)}`, () => {
      expect(parse(body)).to.deep.equal(refusal);
    });
  }

  it('refuses bytes that are not UTF-8', () => {
    const refusal = parseError('the body is not valid UTF-8');
    expect(parse(Buffer.from('{"method":"\xe9"}', 'latin1'))).to.deep.equal(refusal);
    // A surrogate in three bytes, and an overlong slash in two.
    expect(parse(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))).to.deep.equal(refusal);
    expect(parse(Buffer.from([0x22, 0xc0, 0xaf, 0x22]))).to.deep.equal(refusal);
  });

  it('never quotes the body in an error', () => {
    const secret = 'planted-secret';
    const broken = fc.constantFrom(
      `{"env":{"A":"${secret}"}`,
      `${secret}`,
      `"${secret}"`,
      `{"id":["${secret}"],"method":"m"}`,
      `{"id":1,"method":["${secret}"]}`,
      `{"id":1,"params":"${secret}"}`,
      `{"jsonrpc":"2.0",}${secret}`,
      `["${secret}"]`,
    );
    fc.assert(
      fc.property(broken, fc.string(), (body, tail) => {
        expect(JSON.stringify(parse(body + tail))).not.to.contain(secret);
      }),
    );
  });

  it('returns a message, a batch or a refusal for any bytes', () => {
    const bytes = fc.oneof(
      fc.uint8Array().map(array => Buffer.from(array)),
      fc.json().map(json => Buffer.from(json)),
    );
    fc.assert(
      fc.property(bytes, body => {
        expect(parse(body)).to.satisfy((parsed: unknown) => typeof parsed === 'object' && parsed !== null);
      }),
    );
  });
});

describe('parseChunkMessage', () => {
  const parseChunk = (body: string | Buffer) => parse(body, parseChunkMessage);

  it('adds the bytes after the line to the params or the result', () => {
    const message = fc.constantFrom(
      { id: 1, method: 'm', params: { a: 1 } },
      { method: 'm', params: {} },
      { id: 'x', result: { eof: true } },
    );
    fc.assert(
      fc.property(message, fc.uint8Array(), (carrier, bytes) => {
        const chunk = Buffer.from(bytes);
        const read = parseChunk(Buffer.concat([Buffer.from(`${JSON.stringify(carrier)}\n`), chunk]));
        const { params, result } = carrier as { params?: object; result?: object };
        const holder = params ? { params: { ...params, chunk } } : { result: { ...result, chunk } };
        expect(read).to.deep.equal({ ...carrier, ...holder });
      }),
    );
  });

  const refusals: Array<[what: string, body: string | Buffer, refusal: object]> = [
    [
      'no line feed',
      '{"method":"m","params":{}}',
      invalid('expected a line feed between the message and its chunk'),
    ],
    ['nothing', '', invalid('expected a line feed between the message and its chunk')],
    ['no message on the line', '\n{}', parseError('the body is not valid JSON')],
    ['a batch', '[{"method":"m"}]\n', invalid('expected a JSON-RPC object, received array')],
    ['no params', '{"id":7,"method":"m"}\nx', invalid('expected params or a result for the chunk', 7)],
    [
      'params in an array',
      '{"method":"m","params":[1]}\nx',
      invalid('expected params or a result for the chunk'),
    ],
    [
      'a result that is no object',
      '{"id":7,"result":1}\nx',
      invalid('expected params or a result for the chunk', 7),
    ],
  ];
  for (const [what, body, refusal] of refusals) {
    it(`refuses ${what}`, () => {
      expect(parseChunk(body)).to.deep.equal(refusal);
    });
  }
});

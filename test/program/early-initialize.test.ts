import { expect } from 'chai';
import fc from 'fast-check';
import { plainInitialize } from '../../src/program/early-initialize.ts';
import type { Framing } from '../../src/protocol/framing/decoder.ts';
import { DetectingDecoder } from '../../src/protocol/framing/detecting-decoder.ts';
import { parseMessage } from '../../src/protocol/framing/message-parser.ts';
import { MIN_OUTPUT_WINDOW_BYTES } from '../../src/protocol/limits.ts';
import { requests } from '../../src/protocol/messages.ts';
import { parse } from '../../src/protocol/parse.ts';

const framed = (body: string): Buffer =>
  Buffer.from(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
const line = (body: string): Buffer => Buffer.from(`${body}\n`);
const body = (params: unknown = { clientName: 'client' }, more: object = {}): string =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params, ...more });

/** What the server itself makes of a chunk. */
const read = (chunk: Buffer) => {
  const bodies: Buffer[] = [];
  const problems: unknown[] = [];
  let framing: Framing | undefined;
  const decoder = new DetectingDecoder(
    {
      frame: found => bodies.push(found),
      rejected: problem => problems.push(problem),
      lost: reason => problems.push(reason),
    },
    detected => {
      framing = detected;
    },
  );
  decoder.push(chunk);
  return { messages: bodies.map(parseMessage), framing, problems, incomplete: decoder.incomplete };
};

describe('plainInitialize', () => {
  it('reads initialize in either framing', () => {
    const params = {
      clientName: 'é',
      binaryFrames: true,
      outputWindowBytes: MIN_OUTPUT_WINDOW_BYTES,
      retainedMs: null,
      unknown: 1,
    };
    expect(plainInitialize(framed(body(params)))).to.deep.equal({
      message: { id: 1, trace: undefined },
      params,
      framing: 'contentLength',
    });
    const trace = { traceparent: 'any', tracestate: null };
    const named = body(params, { id: 'one', jsonrpc: undefined, trace });
    expect(plainInitialize(line(named))).to.deep.equal({
      message: { id: 'one', trace },
      params,
      framing: 'newline',
    });
  });

  const left: Readonly<Record<string, Buffer>> = {
    'an empty chunk': Buffer.alloc(0),
    'another request': framed(body({}, { method: 'environment/info' })),
    'a nested trace': framed(body(undefined, { trace: { traceparent: [] } })),
    'a request without an id': framed(body(undefined, { id: undefined })),
    'an id that is not exact': framed(body().replace('"id":1', '"id":9007199254740993')),
    'an id that is null': framed(body(undefined, { id: null })),
    'two messages': Buffer.concat([framed(body()), framed(body())]),
    'two lines': Buffer.concat([line(body()), line(body())]),
    'a message and the begin of the next': Buffer.concat([framed(body()), Buffer.from('C')]),
    'part of a frame': framed(body()).subarray(0, -1),
    'a line that has not ended': Buffer.from(body()),
    'part of a line': line(body()).subarray(0, -2),
    'a batch': line(`[${body()}]`),
    'another header': Buffer.from(
      framed(body()).toString().replace('\r\n\r\n', '\r\nContent-Type: x\r\n\r\n'),
    ),
    'what is not UTF-8': Buffer.from(
      framed(body({ clientName: 'X' }))
        .toString()
        .replace('X', '\xff'),
      'latin1',
    ),
    'what is not JSON': framed(body().replace('"id"', 'id')),
    'params by position': framed(body(['client'])),
    'no params': framed(body(null)),
    'no name': framed(body({})),
    'a name that is no text': framed(body({ clientName: 1 })),
    'a name that is too long': framed(body({ clientName: 'x'.repeat(4097) })),
    'an id that is too long': framed(body({ clientName: 'client' }, { id: 'x'.repeat(4097) })),
    'a window that is too small': framed(
      body({ clientName: 'client', outputWindowBytes: MIN_OUTPUT_WINDOW_BYTES - 1 }),
    ),
    'a flag that is none': framed(body({ clientName: 'client', binaryFrames: 1 })),
    'a negative time': framed(body({ clientName: 'client', retainedMs: -1 })),
    'a part of a byte': framed(body({ clientName: 'client', retainedBytes: 0.5 })),
    'a session to resume': framed(body({ clientName: 'client', resumeSessionId: 'x' })),
    'something deep in the params': framed(body({ clientName: 'client', unknown: [] })),
    'a deep field next to them': framed(body(undefined, { unknown: {} })),
  };
  for (const [what, chunk] of Object.entries(left)) {
    it(`leaves to the server ${what}`, () => {
      expect(plainInitialize(chunk)).to.equal(undefined);
    });
  }

  it('takes nothing that the server reads in another way or refuses', () => {
    const value = fc.oneof(
      fc.constantFrom(undefined, null, MIN_OUTPUT_WINDOW_BYTES, 2 ** 53 - 1, 2 ** 53, -1, 1e300),
      fc.nat(),
      fc.double(),
      fc.string(),
    );
    const params = fc.record(
      {
        clientName: fc.string({ unit: 'binary' }),
        binaryFrames: fc.oneof(fc.boolean(), value),
        outputWindowBytes: value,
        retainedBytes: value,
        retainedMs: value,
        resumeSessionId: fc.constantFrom(null, 'id', {}),
        other: fc.oneof(fc.string(), fc.jsonValue()),
      },
      { requiredKeys: ['clientName'] },
    );
    const message = fc.record(
      {
        jsonrpc: fc.constantFrom('2.0', 2, {}),
        id: fc.oneof(fc.string(), value),
        params,
        trace: fc.oneof(value, fc.jsonValue()),
        more: value,
      },
      { requiredKeys: ['id', 'params'] },
    );
    let taken = 0;
    fc.assert(
      fc.property(message, fc.constantFrom(framed, line), (sent, frame) => {
        const chunk = frame(JSON.stringify({ ...sent, method: 'initialize' }));
        const plain = plainInitialize(chunk);
        if (plain === undefined) return;
        taken += 1;
        const { messages, framing, problems, incomplete } = read(chunk);
        expect({ problems, incomplete, framing }).to.deep.equal({
          problems: [],
          incomplete: undefined,
          framing: plain.framing,
        });
        expect(messages).to.have.lengthOf(1);
        expect(messages[0]).to.deep.include({ id: plain.message.id, params: plain.params });
        expect(parse(requests.initialize.params, plain.params).resumeSessionId).to.equal(undefined);
      }),
      { numRuns: 2000 },
    );
    // Most are refused, and how many differs from run to run.
    expect(taken).to.be.above(0);
  });
});

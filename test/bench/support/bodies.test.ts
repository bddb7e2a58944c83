import { expect } from 'chai';
import fc from 'fast-check';
import { bodies } from '../../../bench/support/bodies.ts';
import { readMessage } from '../../../bench/support/message.ts';

const framed = {
  lsp: (json: string) => `Content-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`,
  ndjson: (json: string) => `${json}\n`,
};

/** Splits the stream into pieces of these lengths, repeatedly. */
const pieces = (stream: Buffer, lengths: readonly number[]): Buffer[] => {
  const all: Buffer[] = [];
  for (let at = 0, next = 0; at < stream.length; next += 1) {
    const end = at + (lengths[next % lengths.length] ?? stream.length);
    all.push(stream.subarray(at, end));
    at = end;
  }
  return all;
};

describe('the client of the benchmark', () => {
  for (const framing of ['lsp', 'ndjson'] as const) {
    it(`counts the bytes of every message for any split of the stream, framing ${framing}`, () => {
      const chunk = fc.oneof(
        fc.uint8Array({ maxLength: 20 }),
        fc.uint8Array({ minLength: 1400, maxLength: 4000 }),
      );
      const cuts = fc.array(fc.integer({ min: 1, max: 2500 }), { minLength: 1 });
      fc.assert(
        fc.property(fc.array(chunk), cuts, fc.boolean(), (chunks, lengths, chunkFirst) => {
          const stream = chunks.map((bytes, at) => {
            const base64 = { chunk: Buffer.from(bytes).toString('base64') };
            const params = chunkFirst ? { ...base64, seq: at } : { seq: at, ...base64 };
            return framed[framing](JSON.stringify({ method: 'process/output', params }));
          });
          const seen: Array<readonly [number, number]> = [];
          const push = bodies(framing, body => {
            const { message, chunkBytes } = readMessage(body);
            seen.push([message.params.seq, chunkBytes]);
          });
          for (const piece of pieces(Buffer.from(stream.join('')), lengths)) push(piece);
          expect(seen).to.deep.equal(chunks.map((bytes, at) => [at, bytes.length]));
        }),
      );
    });
  }

  it('reports bytes that are not a frame', () => {
    expect(() => bodies('lsp', () => {})(Buffer.from('Welcome!\r\n\r\n'))).to.throw('"Welcome!"');
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { ProcessId } from '../../../src/protocol/fields.ts';
import { parseChunkMessage } from '../../../src/protocol/framing/message-parser.ts';
import { outputEncoder } from '../../../src/protocol/framing/output-encoder.ts';
import { OutputStream, processOutput } from '../../../src/protocol/process.ts';
import { bodyOf, reportsOf } from './support.ts';

describe('outputEncoder', () => {
  it('writes the same body in both framings', () => {
    fc.assert(
      fc.property(fc.string(), fc.uint8Array({ maxLength: 100 }), (id, bytes) => {
        const [framed, line] = (['contentLength', 'newline'] as const).map(framing =>
          outputEncoder(id, 'pty', { framing, binary: false })(5, Buffer.from(bytes)),
        ) as [Buffer, Buffer];
        const body = bodyOf(framed);
        expect(line.equals(Buffer.concat([body, Buffer.from('\n')]))).to.equal(true);
        expect(line.indexOf('\n')).to.equal(line.length - 1);
      }),
    );
  });

  const processId = fc
    .oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom('"', '\\', '\0', '\n', '\u2028', '😀') }),
    )
    .filter(id => ProcessId.safeParse(id).success);

  it('writes the declared notification for any bytes of any process', () => {
    fc.assert(
      fc.property(
        processId,
        fc.constantFrom(...OutputStream.options),
        fc.maxSafeNat().filter(seq => seq > 0),
        fc.uint8Array({ maxLength: 500 }),
        (id, stream, seq, bytes) => {
          const message = JSON.parse(bodyOf(outputEncoder(id, stream)(seq, Buffer.from(bytes))).toString());
          expect({ ...message, params: processOutput.params.parse(message.params) }).to.deep.equal({
            jsonrpc: '2.0',
            method: processOutput.method,
            params: { processId: id, seq, stream, chunk: Buffer.from(bytes) },
          });
        },
      ),
      { numRuns: 500 },
    );
  });

  it('writes the bytes as they are in a binary frame', () => {
    fc.assert(
      fc.property(processId, fc.uint8Array({ maxLength: 500 }), (id, bytes) => {
        const binary = { framing: 'contentLength', binary: true } as const;
        const frame = outputEncoder(id, 'stdout', binary)(7, Buffer.from(bytes));
        expect(reportsOf(frame)).to.deep.equal([['chunk', frame.subarray(frame.indexOf('\r\n\r\n') + 4)]]);
        expect(parseChunkMessage(bodyOf(frame))).to.deep.equal({
          jsonrpc: '2.0',
          method: processOutput.method,
          params: { processId: id, stream: 'stdout', seq: 7, chunk: Buffer.from(bytes) },
        });
      }),
    );
  });

  it('writes a frame into the memory that is allocated for it', () => {
    const memory = Buffer.alloc(1000);
    const encode = outputEncoder('p', 'stdout', undefined, bytes => memory.subarray(0, bytes));
    const frame = encode(1, Buffer.from('x'));
    expect([frame.buffer === memory.buffer, bodyOf(frame).length > 0]).to.deep.equal([true, true]);
  });

  it('keeps a process id that is not well-formed Unicode', () => {
    const message = JSON.parse(bodyOf(outputEncoder('\ud800"', 'stdout')(1, Buffer.from('x'))).toString());
    expect(message.params.processId).to.equal('\ud800"');
  });

  it('writes each chunk into memory of its own', () => {
    const encode = outputEncoder('p', 'stderr');
    const first = encode(9, Buffer.from('first'));
    const second = encode(10, Buffer.from('second'));
    const chunks = [first, second].map(bytes => JSON.parse(bodyOf(bytes).toString()).params);
    expect(chunks).to.deep.equal([
      { processId: 'p', stream: 'stderr', seq: 9, chunk: Buffer.from('first').toString('base64') },
      { processId: 'p', stream: 'stderr', seq: 10, chunk: Buffer.from('second').toString('base64') },
    ]);
  });
});

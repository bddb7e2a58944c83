import { expect } from 'chai';
import fc from 'fast-check';
import { ProcessId } from '../../../src/protocol/fields.ts';
import { encodeFrame, outputEncoder } from '../../../src/protocol/framing/encode.ts';
import { OutputStream, processOutput } from '../../../src/protocol/process.ts';
import { decode, latin1 } from './support.ts';

/** The one body that these bytes hold as a frame. */
const bodyOf = (bytes: Buffer): Buffer => {
  const reports = decode([bytes]);
  expect(reports).to.have.lengthOf(1);
  const [report] = reports;
  return latin1(report !== undefined && 'frame' in report ? report.frame : '');
};

describe('encodeFrame', () => {
  it('puts the length before the body', () => {
    expect(encodeFrame(Buffer.from('{"ä":1}')).toString()).to.equal('Content-Length: 8\r\n\r\n{"ä":1}');
  });

  it('gives one frame with exactly these bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), bytes => {
        expect(bodyOf(encodeFrame(Buffer.from(bytes)))).to.deep.equal(Buffer.from(bytes));
      }),
    );
  });
});

describe('encodeFrame by newline', () => {
  it('ends the line of the body', () => {
    expect(encodeFrame(Buffer.from('{"ä":1}'), 'newline').toString()).to.equal('{"ä":1}\n');
  });
});

describe('outputEncoder', () => {
  it('gives the same body in both framings', () => {
    fc.assert(
      fc.property(fc.string(), fc.uint8Array({ maxLength: 100 }), (id, bytes) => {
        const [framed, line] = (['contentLength', 'newline'] as const).map(framing =>
          outputEncoder(id, 'pty', framing)(5, Buffer.from(bytes)),
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

  it('gives the declared notification for any bytes of any process', () => {
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

  it('keeps a process id that is no well-formed text', () => {
    const message = JSON.parse(bodyOf(outputEncoder('\ud800"', 'stdout')(1, Buffer.from('x'))).toString());
    expect(message.params.processId).to.equal('\ud800"');
  });

  it('encodes one chunk after another, each in memory of its own', () => {
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

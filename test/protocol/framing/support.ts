import { Readable } from 'node:stream';
import { expect } from 'chai';
import fc from 'fast-check';
import { FrameDecoder } from '../../../src/protocol/framing/frame-decoder.ts';

/** A report of a decoder, in a form that is easy to compare. */
export type Report =
  | { readonly frame: string }
  | { readonly rejected: string; readonly kind: string }
  | { readonly lost: string };

/** A decoder that records its reports. Bodies are copied: the decoder may reuse the memory of a chunk. */
export const recordingDecoder = (maxFrameBytes?: number) => {
  const reports: Report[] = [];
  const decoder = new FrameDecoder(
    {
      frame: body => reports.push({ frame: body.toString('latin1') }),
      rejected: error => reports.push({ rejected: error.message, kind: error.kind }),
      lost: reason => reports.push({ lost: reason }),
    },
    maxFrameBytes,
  );
  return { decoder, reports };
};

/** The reports of a decoder for these chunks. */
export const decode = (chunks: readonly (Buffer | string)[], maxFrameBytes?: number): Report[] => {
  const { decoder, reports } = recordingDecoder(maxFrameBytes);
  for (const chunk of chunks) decoder.push(Buffer.from(chunk as string));
  return reports;
};

/** The body of the only frame in these bytes. */
export const bodyOf = (bytes: Buffer): Buffer => {
  const reports = decode([bytes]);
  expect(reports).to.have.lengthOf(1);
  const [report] = reports;
  return latin1(report !== undefined && 'frame' in report ? report.frame : '');
};

/** The kind and the body of each frame in these bytes. */
export const reportsOf = (bytes: Buffer): unknown[] => {
  const bodies: unknown[] = [];
  const refuse = () => bodies.push('refused');
  new FrameDecoder({
    frame: (body, kind) => bodies.push([kind, Buffer.from(body)]),
    rejected: refuse,
    lost: refuse,
  }).push(bytes);
  return bodies;
};

/** A frame with a minimal header. */
export const frame = (body: string): string =>
  `Content-Length: ${Buffer.byteLength(body, 'latin1')}\r\n\r\n${body}`;

/** Bytes of latin1 text, one for each character. */
export const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Splits bytes at the given places, in any order. */
export const cut = (bytes: Buffer, places: readonly number[]): Buffer[] => {
  const ends = [...new Set(places.map(place => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...ends, bytes.length].map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
};

/** A chunk for every byte. */
export const oneByOne = (bytes: Buffer): Buffer[] => Array.from(bytes, byte => Buffer.of(byte));

/** Places to split a stream at. */
export const cuts = fc.array(fc.nat(), { maxLength: 20 });

/** Bytes as latin1 text. */
export const anyBytes = (constraints?: fc.IntArrayConstraints): fc.Arbitrary<string> =>
  fc.uint8Array(constraints).map(bytes => Buffer.from(bytes).toString('latin1'));

/** Garbage: any bytes, lines of text, parts of headers; but no `Content-Length:`. */
export const garbage: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      anyBytes({ maxLength: 60 }),
      fc.string(),
      fc.constantFrom(
        '\n',
        '\r\n',
        '\r\n\r\n',
        ': ',
        'Content-Leng',
        'Content-Type: ',
        'X-Field: 1\r\n',
        'done',
      ),
      fc.string({ maxLength: 20 }).map(text => `${text}\n`),
    ),
    { maxLength: 12 },
  )
  .map(parts => parts.join(''))
  .filter(text => !/content-length:/i.test(text));

/** A stream that delivers these chunks and ends without closing, as a file does. */
export const endingStream = (chunks: readonly Buffer[]): Readable => {
  const waiting = [...chunks];
  return new Readable({
    autoDestroy: false,
    read() {
      this.push(waiting.shift() ?? null);
    },
  });
};

/** Resolves after all callbacks that are ready have run, including those of I/O. */
export const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(resolve => setImmediate(resolve));
};

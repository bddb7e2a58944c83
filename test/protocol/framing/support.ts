import { Readable } from 'node:stream';
import { expect } from 'chai';
import fc from 'fast-check';
import { FrameDecoder } from '../../../src/protocol/framing/frame-decoder.ts';

/** What a decoder reported, in order, in a form that compares well. */
export type Report =
  | { readonly frame: string }
  | { readonly rejected: string; readonly kind: string }
  | { readonly lost: string };

/** A decoder that notes what it reports. Bodies are copied: the decoder may reuse the memory of a chunk. */
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

/** What a decoder reports of these chunks. */
export const decode = (chunks: readonly (Buffer | string)[], maxFrameBytes?: number): Report[] => {
  const { decoder, reports } = recordingDecoder(maxFrameBytes);
  for (const chunk of chunks) decoder.push(Buffer.from(chunk as string));
  return reports;
};

/** The one body that these bytes hold as a frame. */
export const bodyOf = (bytes: Buffer): Buffer => {
  const reports = decode([bytes]);
  expect(reports).to.have.lengthOf(1);
  const [report] = reports;
  return latin1(report !== undefined && 'frame' in report ? report.frame : '');
};

/** Each body that these bytes hold, after what it is said to be. */
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

/** A frame as a plain sender writes it. */
export const frame = (body: string): string =>
  `Content-Length: ${Buffer.byteLength(body, 'latin1')}\r\n\r\n${body}`;

/** Bytes of latin1 text: one byte for each character. */
export const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Cuts bytes at the given places, in whatever order they come. */
export const cut = (bytes: Buffer, places: readonly number[]): Buffer[] => {
  const ends = [...new Set(places.map(place => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...ends, bytes.length].map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
};

/** Every byte as a chunk of its own. */
export const oneByOne = (bytes: Buffer): Buffer[] => Array.from(bytes, byte => Buffer.of(byte));

/** Places to cut a stream at. */
export const cuts = fc.array(fc.nat(), { maxLength: 20 });

/** Bytes as latin1 text. */
export const anyBytes = (constraints?: fc.IntArrayConstraints): fc.Arbitrary<string> =>
  fc.uint8Array(constraints).map(bytes => Buffer.from(bytes).toString('latin1'));

/** Garbage as a stream has it: any bytes, lines of text, things that look like headers; no `Content-Length:`. */
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

/** A stream that delivers these chunks as they are and then ends, as a file does: without ever closing. */
export const endingStream = (chunks: readonly Buffer[]): Readable => {
  const waiting = [...chunks];
  return new Readable({
    autoDestroy: false,
    read() {
      this.push(waiting.shift() ?? null);
    },
  });
};

/** Resolves when all that is ready to run has run, I/O callbacks included. */
export const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(resolve => setImmediate(resolve));
};

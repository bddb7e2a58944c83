import type { OutputStream } from '../process.ts';
import type { Framing } from './decoder.ts';

/** Makes a frame of a body: puts a `Content-Length` header before it, or ends its line. */
export const encodeFrame = (body: Buffer, framing: Framing = 'contentLength'): Buffer => {
  const header = headerOf(body.length, framing);
  const end = endOf(framing);
  const frame = Buffer.allocUnsafe(header.length + body.length + end.length);
  frame.write(header, 0, 'latin1');
  body.copy(frame, header.length);
  frame.write(end, header.length + body.length, 'latin1');
  return frame;
};

// JSON without indentation has no line break in it.
const headerOf = (bodyBytes: number, framing: Framing): string =>
  framing === 'newline' ? '' : `Content-Length: ${bodyBytes}\r\n\r\n`;

const endOf = (framing: Framing): string => (framing === 'newline' ? '\n' : '');

/**
 * Encodes `process/output` frames for one stream of one process, straight into one buffer each: through
 * an object and `JSON.stringify` the same output takes twice the time and several times the memory.
 */
export const outputEncoder = (
  processId: string,
  stream: OutputStream,
  framing: Framing = 'contentLength',
) => {
  const start = `{"jsonrpc":"2.0","method":"process/output","params":{"processId":${JSON.stringify(processId)},"stream":"${stream}","seq":`;
  const startBytes = Buffer.byteLength(start);
  const end = `"}}${endOf(framing)}`;
  return (seq: number, chunk: Buffer): Buffer => {
    const middle = `${seq},"chunk":"`;
    const chunkBytes = Math.ceil(chunk.length / 3) * 4;
    const bodyBytes = startBytes + middle.length + chunkBytes + end.length;
    const header = headerOf(bodyBytes, framing);
    const frame = Buffer.allocUnsafe(header.length + bodyBytes);
    let at = frame.write(header, 0, 'latin1');
    at += frame.write(start, at);
    at += frame.write(middle, at, 'latin1');
    at += frame.write(chunk.toString('base64'), at, 'latin1');
    frame.write(end, at, 'latin1');
    return frame;
  };
};

import type { Message } from 'vscode-jsonrpc/node';
import type { Framing } from './decoder.ts';
import { type FrameFormat, frameEnd, frameStart, PLAIN } from './format.ts';

/** Makes a frame of a body: puts a `Content-Length` header before it, or ends its line. */
export const encodeFrame = (body: Buffer, framing: Framing = PLAIN.framing): Buffer => {
  const format = { framing, binary: false };
  return Buffer.concat([
    Buffer.from(frameStart(body.length, format), 'latin1'),
    body,
    Buffer.from(frameEnd(framing), 'latin1'),
  ]);
};

/** Makes a frame of a body that is text. */
export const encodeText = (body: string, framing: Framing): Buffer => {
  const bytes = Buffer.byteLength(body);
  return Buffer.from(`${frameStart(bytes, { framing, binary: false })}${body}${frameEnd(framing)}`);
};

/**
 * Makes the frame of a message, in pieces. Bytes that stand in its params or its result go as they are if they are a
 * `chunk` and the format is binary, otherwise as base64: by way of `JSON.stringify` that takes ten times as long.
 */
export const encodeMessage = (message: Message, format: FrameFormat): Buffer[] => {
  const carrier = carrierOf(message);
  if (carrier === undefined) return [encodeText(JSON.stringify(message), format.framing)];
  return format.binary && carrier.name === 'chunk'
    ? binaryFrame(carrier)
    : [base64Frame(carrier, format.framing)];
};

/** A message as JSON, with the bytes in it as base64. */
export const messageText = (message: object): string => {
  const carrier = carrierOf(message);
  if (carrier === undefined) return JSON.stringify(message);
  const { before, after } = around(carrier);
  return `${before}${carrier.bytes.toString('base64')}${after}`;
};

/** A message with bytes in it, and where they are. */
type Carrier = {
  /** The message without its `holder`. */
  readonly outer: object;
  readonly holder: 'params' | 'result';
  /** The `holder` without its bytes. */
  readonly inner: object;
  readonly name: string;
  readonly bytes: Buffer;
};

const carrierOf = (message: object): Carrier | undefined => {
  const { params, result, ...outer } = message as { params?: unknown; result?: unknown };
  const holder = params === undefined ? 'result' : 'params';
  const held = params ?? result;
  if (typeof held !== 'object' || held === null) return undefined;
  for (const [name, value] of Object.entries(held)) {
    if (!(value instanceof Uint8Array)) continue;
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return { outer, holder, inner: { ...held, [name]: undefined }, name, bytes };
  }
  return undefined;
};

const binaryFrame = ({ outer, holder, inner, bytes }: Carrier): Buffer[] => {
  const message = `${JSON.stringify({ ...outer, [holder]: inner })}\n`;
  const start = frameStart(Buffer.byteLength(message) + bytes.length, {
    framing: 'contentLength',
    binary: true,
  });
  return [Buffer.from(`${start}${message}`), bytes];
};

const base64Frame = (carrier: Carrier, framing: Framing): Buffer => {
  const { before, after } = around(carrier);
  const end = `${after}${frameEnd(framing)}`;
  const contentBytes = base64Length(carrier.bytes.length);
  const bodyBytes = Buffer.byteLength(before) + contentBytes + end.length;
  const start = `${frameStart(bodyBytes, { framing, binary: false })}${before}`;
  const frame = Buffer.allocUnsafe(Buffer.byteLength(start) + contentBytes + end.length);
  let at = frame.write(start);
  at = writeBase64(carrier.bytes, frame, at);
  frame.write(end, at, 'latin1');
  return frame;
};

/** Writes base64 piece by piece: the text of tens of megabytes takes longer to make than to copy. Returns its end. */
const writeBase64 = (bytes: Buffer, target: Buffer, start: number): number => {
  let at = start;
  for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
    at += target.write(bytes.toString('base64', from, from + PIECE_BYTES), at, 'latin1');
  }
  return at;
};

/** A multiple of three, so that only the last piece has padding. */
const PIECE_BYTES = 3 * 256 * 1024;

/** The JSON before and after the base64 of the bytes. */
const around = ({ outer, holder, inner, name }: Carrier): { before: string; after: string } => ({
  before: `${open({ ...outer, [holder]: undefined })}"${holder}":${open(inner)}${JSON.stringify(name)}:"`,
  after: '"}}',
});

/** An object as JSON to which one more member is to be added. */
const open = (object: object): string => {
  const text = JSON.stringify(object);
  return text === '{}' ? '{' : `${text.slice(0, -1)},`;
};

/** How long bytes are as base64 with padding. */
export const base64Length = (bytes: number): number => Math.ceil(bytes / 3) * 4;

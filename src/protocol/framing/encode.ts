import type { Message } from 'vscode-jsonrpc/node';
import type { Framing } from './decoder.ts';
import { DEFAULT_FORMAT, type FrameFormat, frameHeader, frameTrailer } from './format.ts';

/** Encodes a body as a frame: with a `Content-Length` header before it, or a line end after it. */
export const encodeFrame = (body: Buffer, framing: Framing = DEFAULT_FORMAT.framing): Buffer => {
  const format = { framing, binary: false };
  return Buffer.concat([
    Buffer.from(frameHeader(body.length, format), 'latin1'),
    body,
    Buffer.from(frameTrailer(framing), 'latin1'),
  ]);
};

/** Encodes a body that is text as a frame. */
export const encodeText = (body: string, framing: Framing): Buffer => {
  const bytes = Buffer.byteLength(body);
  return Buffer.from(`${frameHeader(bytes, { framing, binary: false })}${body}${frameTrailer(framing)}`);
};

/**
 * Encodes a message as a frame, in parts. Bytes in its params or result are sent as they are if they are a `chunk` and
 * the format is binary, otherwise as base64: `JSON.stringify` would take ten times as long for that.
 */
export const encodeMessage = (message: Message, format: FrameFormat): Buffer[] => {
  const found = findBytes(message);
  if (found === undefined) return [encodeText(JSON.stringify(message), format.framing)];
  return format.binary && found.name === 'chunk' ? binaryFrame(found) : [base64Frame(found, format.framing)];
};

/** Returns a message as JSON, with its bytes as base64. */
export const messageToJson = (message: object): string => {
  const found = findBytes(message);
  if (found === undefined) return JSON.stringify(message);
  const { before, after } = surroundingJson(found);
  return `${before}${found.bytes.toString('base64')}${after}`;
};

/** A message that contains bytes, taken apart. */
type ByteMessage = {
  /** The message without its `container`. */
  readonly outer: object;
  /** The member that contains the bytes. */
  readonly container: 'params' | 'result';
  /** The `container` without the bytes. */
  readonly inner: object;
  /** The name of the bytes in the `container`. */
  readonly name: string;
  readonly bytes: Buffer;
};

const findBytes = (message: object): ByteMessage | undefined => {
  const { params, result, ...outer } = message as { params?: unknown; result?: unknown };
  const container = params === undefined ? 'result' : 'params';
  const members = params ?? result;
  if (typeof members !== 'object' || members === null) return undefined;
  for (const [name, value] of Object.entries(members)) {
    if (!(value instanceof Uint8Array)) continue;
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return { outer, container, inner: { ...members, [name]: undefined }, name, bytes };
  }
  return undefined;
};

const binaryFrame = ({ outer, container, inner, bytes }: ByteMessage): Buffer[] => {
  const message = `${JSON.stringify({ ...outer, [container]: inner })}\n`;
  const start = frameHeader(Buffer.byteLength(message) + bytes.length, {
    framing: 'contentLength',
    binary: true,
  });
  return [Buffer.from(`${start}${message}`), bytes];
};

const base64Frame = (found: ByteMessage, framing: Framing): Buffer => {
  const { before, after } = surroundingJson(found);
  const end = `${after}${frameTrailer(framing)}`;
  const contentBytes = base64Length(found.bytes.length);
  const bodyBytes = Buffer.byteLength(before) + contentBytes + end.length;
  const start = `${frameHeader(bodyBytes, { framing, binary: false })}${before}`;
  const frame = Buffer.allocUnsafe(Buffer.byteLength(start) + contentBytes + end.length);
  let at = frame.write(start);
  at = writeBase64(found.bytes, frame, at);
  frame.write(end, at, 'latin1');
  return frame;
};

/**
 * Writes base64 in parts, since making a text of tens of megabytes takes longer than copying it.
 *
 * @returns the offset after it
 */
const writeBase64 = (bytes: Buffer, target: Buffer, start: number): number => {
  let at = start;
  for (let from = 0; from < bytes.length; from += PART_BYTES) {
    at += target.write(bytes.toString('base64', from, from + PART_BYTES), at, 'latin1');
  }
  return at;
};

/** A multiple of three, so that only the last part has padding. */
const PART_BYTES = 3 * 256 * 1024;

/** Returns the JSON before and after the base64 of the bytes. */
const surroundingJson = ({
  outer,
  container,
  inner,
  name,
}: ByteMessage): { before: string; after: string } => ({
  before: `${openObject({ ...outer, [container]: undefined })}"${container}":${openObject(inner)}${JSON.stringify(name)}:"`,
  after: '"}}',
});

/** Returns an object as JSON that another member can be appended to. */
const openObject = (object: object): string => {
  const text = JSON.stringify(object);
  return text === '{}' ? '{' : `${text.slice(0, -1)},`;
};

/** Returns the length of bytes as base64 with padding. */
export const base64Length = (bytes: number): number => Math.ceil(bytes / 3) * 4;

import type { Framing, Step } from './script.ts';

const CHUNK_TYPE = 'application/vnd.exec-server.chunk';

/**
 * Encodes a step; a probe has no bytes. Independent of the product, so that the two cannot share a mistake.
 */
export const encodeStep = (step: Step, framing: Framing): Buffer => {
  if ('bytes' in step) return Buffer.from(step.bytes, 'base64');
  if ('body' in step) return encodeBody(Buffer.from(step.body, 'base64'), framing);
  return 'message' in step ? encodeMessage(step.message, framing) : Buffer.alloc(0);
};

/** Encodes a message. */
export const encodeMessage = (message: unknown, framing: Framing): Buffer =>
  (framing === 'binary' ? binaryFrame(message) : undefined) ??
  encodeBody(Buffer.from(jsonOf(message)), framing);

const encodeBody = (body: Buffer, framing: Framing): Buffer =>
  framing === 'newline'
    ? Buffer.concat([body, Buffer.from('\n')])
    : Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]);

// A message may be any value, including `undefined`.
const jsonOf = (message: unknown): string => JSON.stringify(message) ?? 'undefined';

const binaryFrame = (message: unknown): Buffer | undefined => {
  const { params, ...outer } = asObject(message) ?? {};
  const { chunk, ...inner } = asObject(params) ?? {};
  const bytes = Buffer.from(typeof chunk === 'string' ? chunk : '', 'base64');
  if (typeof chunk !== 'string' || bytes.toString('base64') !== chunk) return undefined;
  const line = Buffer.from(`${JSON.stringify({ ...outer, params: inner })}\n`);
  const header = `Content-Length: ${line.length + bytes.length}\r\nContent-Type: ${CHUNK_TYPE}\r\n\r\n`;
  return Buffer.concat([Buffer.from(header), line, bytes]);
};

/** The value if it is an object and not an array. */
export const asObject = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;

/** A message from the server, and its JSON text without the bytes of a binary frame. */
export type Received = { readonly message: unknown; readonly text: string };

/** Splits the output of the server into messages. Throws on bytes that are not a frame. */
export class FrameReader {
  readonly #framing: Framing;
  #input: Buffer = Buffer.alloc(0);

  constructor(framing: Framing) {
    this.#framing = framing;
  }

  /** The number of bytes of an incomplete message. */
  get unread(): number {
    return this.#input.length;
  }

  push(chunk: Buffer): Received[] {
    this.#input = Buffer.concat([this.#input, chunk]);
    const received: Received[] = [];
    for (let next = this.#next(); next !== undefined; next = this.#next()) received.push(next);
    return received;
  }

  #next(): Received | undefined {
    if (this.#framing === 'newline') return this.#nextLine();
    const end = this.#input.indexOf('\r\n\r\n');
    if (end < 0 && this.#input.length < MAX_HEADER_BYTES) return undefined;
    const header = this.#input.toString('latin1', 0, end < 0 ? MAX_HEADER_BYTES : end);
    const [, length, type] = HEADER.exec(header) ?? [];
    if (length === undefined)
      throw new Error(`unexpected bytes on stdout: ${JSON.stringify(header.slice(0, 80))}`);
    const start = end + '\r\n\r\n'.length;
    if (this.#input.length < start + Number(length)) return undefined;
    const body = this.#take(start + Number(length)).subarray(start);
    return type === undefined
      ? { message: JSON.parse(body.toString()), text: body.toString() }
      : chunkMessage(body);
  }

  #nextLine(): Received | undefined {
    const end = this.#input.indexOf('\n');
    if (end < 0) return undefined;
    const text = this.#take(end + 1).toString();
    return { message: JSON.parse(text), text };
  }

  #take(length: number): Buffer {
    const taken = this.#input.subarray(0, length);
    this.#input = this.#input.subarray(length);
    return taken;
  }
}

const MAX_HEADER_BYTES = 200;
const HEADER = new RegExp(`^Content-Length: (\\d+)(?:\\r\\nContent-Type: (${CHUNK_TYPE}))?$`);

const chunkMessage = (body: Buffer): Received => {
  const end = body.indexOf('\n');
  const text = body.toString('utf8', 0, end);
  const message = JSON.parse(text);
  (message.params ?? message.result).chunk = body.toString('base64', end + 1);
  return { message, text };
};

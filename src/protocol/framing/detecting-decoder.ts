import type { Decoder, FrameSink, Framing } from './decoder.ts';
import { FrameDecoder } from './frame-decoder.ts';
import { describeLength } from './header.ts';
import { LineDecoder } from './line-decoder.ts';

/**
 * A decoder that detects the framing by the first byte: a stream that begins with a JSON object or array has a message
 * on each line; any other stream has frames with a header. A byte order mark at the start, and white space and empty
 * lines after it, are skipped.
 *
 * @param onDetected called before anything else is reported
 */
export class DetectingDecoder implements Decoder {
  readonly #sink: FrameSink;
  readonly #onDetected: (framing: Framing) => void;
  readonly #maxFrameBytes: number | undefined;
  #decoder: Decoder | undefined;
  /** The start of the stream while it may be part of a byte order mark; `undefined` after that. */
  #mark: Buffer | undefined = Buffer.alloc(0);

  constructor(sink: FrameSink, onDetected: (framing: Framing) => void, maxFrameBytes?: number) {
    this.#sink = sink;
    this.#onDetected = onDetected;
    this.#maxFrameBytes = maxFrameBytes;
  }

  push(chunk: Buffer): void {
    const bytes = this.#decoder === undefined ? this.#fromFirstByte(chunk) : chunk;
    const [firstByte] = bytes;
    if (firstByte === undefined) return;
    this.#decoder ??= this.#detect(firstByte);
    this.#decoder.push(bytes);
  }

  get incomplete(): string | undefined {
    return this.#mark?.length ? 'inside a byte order mark' : this.#decoder?.incomplete;
  }

  /** The part of a chunk from the first byte that counts; empty if there is none yet. */
  #fromFirstByte(chunk: Buffer): Buffer {
    const bytes = this.#mark === undefined ? chunk : this.#withoutMark(Buffer.concat([this.#mark, chunk]));
    const start = bytes.findIndex(byte => !WHITE_SPACE.has(byte));
    return bytes.subarray(start < 0 ? bytes.length : start);
  }

  #withoutMark(bytes: Buffer): Buffer {
    const isPart = bytes.length < MARK.length && MARK.subarray(0, bytes.length).equals(bytes);
    this.#mark = isPart ? bytes : undefined;
    if (isPart) return Buffer.alloc(0);
    return MARK.equals(bytes.subarray(0, MARK.length)) ? bytes.subarray(MARK.length) : bytes;
  }

  #detect(firstByte: number): Decoder {
    const newline = firstByte === OBJECT || firstByte === ARRAY;
    this.#onDetected(newline ? 'newline' : 'contentLength');
    // Input of a client contains values of variables, so no error quotes it.
    return newline
      ? new LineDecoder(this.#sink, this.#maxFrameBytes)
      : new FrameDecoder(this.#sink, this.#maxFrameBytes, describeLength);
  }
}

const MARK = Buffer.from('\ufeff');
const WHITE_SPACE: ReadonlySet<number> = new Set(Buffer.from(' \t\r\n'));
const OBJECT = '{'.charCodeAt(0);
const ARRAY = '['.charCodeAt(0);

import type { Decoder, FrameSink, Framing } from './decoder.ts';
import { FrameDecoder } from './frame-decoder.ts';
import { describeLength } from './header.ts';
import { LineDecoder } from './line-decoder.ts';

/**
 * A decoder that detects the framing by the first byte: a stream that begins with a JSON object or array has a message
 * on each line; any other stream has frames with a header.
 *
 * @param onDetected called before anything else is reported
 */
export class DetectingDecoder implements Decoder {
  readonly #sink: FrameSink;
  readonly #onDetected: (framing: Framing) => void;
  readonly #maxFrameBytes: number | undefined;
  #decoder: Decoder | undefined;

  constructor(sink: FrameSink, onDetected: (framing: Framing) => void, maxFrameBytes?: number) {
    this.#sink = sink;
    this.#onDetected = onDetected;
    this.#maxFrameBytes = maxFrameBytes;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#decoder ??= this.#detect(chunk[0] as number);
    this.#decoder.push(chunk);
  }

  get incomplete(): string | undefined {
    return this.#decoder?.incomplete;
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

const OBJECT = '{'.charCodeAt(0);
const ARRAY = '['.charCodeAt(0);

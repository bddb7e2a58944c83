import type { Decoder, FrameSink, Framing } from './decoder.ts';
import { FrameDecoder } from './frame-decoder.ts';
import { lengthOf } from './header.ts';
import { LineDecoder } from './line-decoder.ts';

/**
 * A decoder that goes by the first byte: a stream that begins with a JSON object or array has a message on
 * each line, any other one has frames with a header.
 *
 * @param chosen told before anything else is reported
 */
export class DetectingDecoder implements Decoder {
  readonly #sink: FrameSink;
  readonly #chosen: (framing: Framing) => void;
  readonly #maxFrameBytes: number | undefined;
  #decoder: Decoder | undefined;

  constructor(sink: FrameSink, chosen: (framing: Framing) => void, maxFrameBytes?: number) {
    this.#sink = sink;
    this.#chosen = chosen;
    this.#maxFrameBytes = maxFrameBytes;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#decoder ??= this.#choose(chunk[0] as number);
    this.#decoder.push(chunk);
  }

  get incomplete(): string | undefined {
    return this.#decoder?.incomplete;
  }

  #choose(firstByte: number): Decoder {
    const newline = firstByte === OBJECT || firstByte === ARRAY;
    this.#chosen(newline ? 'newline' : 'contentLength');
    // What a client sends holds variables, so no error repeats a piece of it.
    return newline
      ? new LineDecoder(this.#sink, this.#maxFrameBytes)
      : new FrameDecoder(this.#sink, this.#maxFrameBytes, lengthOf);
  }
}

const OBJECT = '{'.charCodeAt(0);
const ARRAY = '['.charCodeAt(0);

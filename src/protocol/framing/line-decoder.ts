import { frameTooLarge } from '../errors.ts';
import { MAX_FRAME_BYTES } from '../limits.ts';
import type { Decoder, FrameSink } from './decoder.ts';
import { JsonScan } from './json-scan.ts';

/**
 * Splits a byte stream into lines, each the body of one message. Blank lines are ignored. A line over the limit is
 * rejected once, with its length, and skipped to its end; so is one whose JSON is nested too deeply or has too many
 * values. At most one line is buffered.
 */
export class LineDecoder implements Decoder {
  readonly #sink: FrameSink;
  readonly #maxLineBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;
  readonly #scan = new JsonScan();

  constructor(sink: FrameSink, maxLineBytes = MAX_FRAME_BYTES) {
    this.#sink = sink;
    this.#maxLineBytes = maxLineBytes;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      this.#append(chunk.subarray(start, end));
      this.#endLine();
      start = end + 1;
    }
    this.#append(chunk.subarray(start));
  }

  get incomplete(): string | undefined {
    return this.#bytes > 0 ? `inside a line, after ${this.#bytes} bytes of it` : undefined;
  }

  #append(part: Buffer): void {
    if (part.length === 0) return;
    this.#bytes += part.length;
    this.#scan.push(part);
    // A line that will be rejected need not be kept.
    if (this.#bytes > this.#maxLineBytes || this.#scan.problem !== undefined) this.#parts = [];
    else this.#keep(part);
  }

  // A sender of single bytes must not cause one object per byte.
  #keep(part: Buffer): void {
    const last = this.#parts.at(-1);
    if (last === undefined || last.length + part.length > MERGED_BYTES) this.#parts.push(part);
    else this.#parts[this.#parts.length - 1] = Buffer.concat([last, part]);
  }

  #endLine(): void {
    const [parts, bytes] = [this.#parts, this.#bytes];
    const { problem } = this.#scan;
    this.#parts = [];
    this.#bytes = 0;
    this.#scan.reset();
    if (bytes > this.#maxLineBytes) {
      this.#sink.rejected(frameTooLarge(bytes, this.#maxLineBytes));
      return;
    }
    if (problem !== undefined) {
      this.#sink.rejected(problem);
      return;
    }
    const line = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
    if (!isBlank(line)) this.#sink.frame(line, 'json');
  }
}

const LINE_FEED = 0x0a;
const MERGED_BYTES = 4096;

// White space as defined by JSON.
const isBlank = (line: Buffer): boolean =>
  line.every(byte => byte === 0x20 || byte === 0x09 || byte === 0x0d);

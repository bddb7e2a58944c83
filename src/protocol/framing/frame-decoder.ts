import { frameTooLarge, invalidMessage } from '../errors.ts';
import { MAX_FRAME_BYTES, MAX_HEADER_BYTES, MAX_RESYNC_BYTES, MAX_SKIPPED_BODY_BYTES } from '../limits.ts';
import { Body } from './body.ts';
import type { BodyKind, Decoder, FrameSink } from './decoder.ts';
import { type HeaderFields, isUtf8Charset, readHeaderLine } from './header.ts';
import { JsonScan } from './json-scan.ts';

/**
 * Splits a byte stream into `Content-Length` frames.
 *
 * A body over the limit is skipped by its announced length, and so is the rest of one whose JSON is nested too
 * deeply or has too many values. After a malformed header, which is reported once, the stream is searched for the
 * next `Content-Length:`. At most one body and one header are buffered between chunks.
 */
export class FrameDecoder implements Decoder {
  readonly #sink: FrameSink;
  readonly #maxFrameBytes: number;
  readonly #describe: ((line: string) => string) | undefined;
  #state: State = newHeader();
  #input: Buffer = Buffer.alloc(0);
  #searched = 0;
  readonly #scan = new JsonScan();

  /** @param describe see `readHeaderLine` */
  constructor(sink: FrameSink, maxFrameBytes = MAX_FRAME_BYTES, describe?: (line: string) => string) {
    this.#sink = sink;
    this.#maxFrameBytes = maxFrameBytes;
    this.#describe = describe;
  }

  push(chunk: Buffer): void {
    this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
    while (this.#step()) {
      // Each step consumes input; the last one finds that it needs more.
    }
  }

  get incomplete(): string | undefined {
    switch (this.#state.name) {
      case 'header':
        return this.#state.bytes + this.#input.length > 0 ? 'inside a header' : undefined;
      case 'body':
        return `inside a frame, ${this.#state.body.missing} bytes before its end`;
      case 'skip':
        return `inside a refused frame, ${this.#state.remaining} bytes before its end`;
      case 'search':
        return 'before another header was found';
      default:
        return undefined;
    }
  }

  #step(): boolean {
    switch (this.#state.name) {
      case 'header':
        return this.#readHeader(this.#state);
      case 'body':
        return this.#readBody(this.#state);
      case 'skip':
        return this.#skip(this.#state);
      case 'search':
        return this.#search();
      case 'lost':
        this.#consume(this.#input.length);
        return false;
    }
  }

  #readHeader(state: HeaderState): boolean {
    // Not further than the limit: each malformed header in a long chunk would cause a search through all of it.
    const end = this.#input.subarray(0, MAX_HEADER_BYTES).indexOf('\n');
    const length = end < 0 ? this.#input.length : end + 1;
    if (state.bytes + length > MAX_HEADER_BYTES) {
      return this.#rejectLine(state, `a header is longer than ${MAX_HEADER_BYTES} bytes`);
    }
    if (end < 0) return false;
    const line = this.#input.toString('latin1', 0, end).replace(/\r$/, '');
    if (line === '') return this.#endHeader(state, length);
    const problem = readHeaderLine(line, state.fields, this.#describe);
    if (problem !== undefined) return this.#rejectLine(state, problem);
    state.bytes += length;
    this.#consume(length);
    return true;
  }

  #endHeader(state: HeaderState, length: number): boolean {
    this.#consume(length);
    // A sender that ends its bodies with a line break leaves an empty line between frames.
    if (state.bytes === 0) return true;
    const { contentLength, charset, kind = 'json' } = state.fields;
    if (contentLength === undefined) return this.#rejectHeader(state, 'a header has no Content-Length');
    this.#searched = 0;
    if (contentLength > this.#maxFrameBytes) {
      this.#sink.rejected(frameTooLarge(contentLength, this.#maxFrameBytes));
      // No client sends that much. The number is wrong; skipping by it would swallow all that follows.
      if (contentLength > MAX_SKIPPED_BODY_BYTES) this.#state = { name: 'search' };
      else this.#state = { name: 'skip', remaining: contentLength };
    } else if (!isUtf8Charset(charset)) {
      this.#sink.rejected(invalidMessage(`Content-Type: expected charset utf-8, received ${charset}`));
      this.#state = { name: 'skip', remaining: contentLength };
    } else {
      this.#scan.reset();
      this.#state = { name: 'body', body: new Body(contentLength), kind, scanning: true };
    }
    return true;
  }

  #readBody(state: BodyState): boolean {
    const { body, kind } = state;
    const part = this.#input.subarray(0, body.take(this.#input));
    if (state.scanning) this.#scanPart(state, part);
    this.#consume(part.length);
    const { problem } = this.#scan;
    if (problem !== undefined) {
      this.#sink.rejected(problem);
      this.#state = { name: 'skip', remaining: body.missing };
      return true;
    }
    if (body.missing > 0) return false;
    this.#state = newHeader();
    this.#sink.frame(body.bytes, kind);
    return true;
  }

  /** Scans the JSON in a part. Before a chunk, the JSON ends with the first line: JSON strings have no line feed. */
  #scanPart(state: BodyState, part: Buffer): void {
    const end = state.kind === 'chunk' ? part.indexOf('\n') : -1;
    state.scanning = end < 0;
    this.#scan.push(end < 0 ? part : part.subarray(0, end));
  }

  #skip(state: SkipState): boolean {
    const skipped = Math.min(state.remaining, this.#input.length);
    state.remaining -= skipped;
    this.#consume(skipped);
    if (state.remaining > 0) return false;
    this.#state = newHeader();
    return true;
  }

  /** Rejects a header because of its next line, and searches from that line on for another header. */
  #rejectLine(state: HeaderState, problem: string): boolean {
    // After lines without a length, this line may be the start of another header.
    const mayBeHeader = state.bytes > 0 && state.fields.contentLength === undefined;
    this.#rejectHeader(state, problem);
    if (!mayBeHeader) this.#skipSearched(1);
    return true;
  }

  /** Rejects a header, and searches for another one after it. */
  #rejectHeader(state: HeaderState, problem: string): boolean {
    // In garbage each line is a malformed header; only the first is reported.
    if (this.#searched === 0) this.#sink.rejected(invalidMessage(problem));
    this.#searched += state.bytes;
    this.#state = { name: 'search' };
    return true;
  }

  #search(): boolean {
    // One window at a time, so that the cost of a search is the distance to the header.
    const window = Math.min(this.#input.length, SEARCH_WINDOW_BYTES);
    const found = this.#input.toString('latin1', 0, window).search(/content-length:/i);
    // The last bytes of a window may be the start of the name.
    this.#skipSearched(found >= 0 ? found : Math.max(0, window - ('content-length:'.length - 1)));
    if (this.#searched > MAX_RESYNC_BYTES) {
      this.#state = { name: 'lost' };
      this.#sink.lost(`no frame header in ${MAX_RESYNC_BYTES} bytes`);
      return true;
    }
    if (found >= 0) this.#state = newHeader();
    return found >= 0 || window === SEARCH_WINDOW_BYTES;
  }

  #skipSearched(bytes: number): void {
    this.#searched += bytes;
    this.#consume(bytes);
  }

  #consume(bytes: number): void {
    this.#input = this.#input.subarray(bytes);
  }
}

const SEARCH_WINDOW_BYTES = 4096;

type HeaderState = { readonly name: 'header'; readonly fields: HeaderFields; bytes: number };
type BodyState = {
  readonly name: 'body';
  readonly body: Body;
  readonly kind: BodyKind;
  /** True if the next part of it is JSON. */
  scanning: boolean;
};
type SkipState = { readonly name: 'skip'; remaining: number };
type State = HeaderState | SkipState | BodyState | { readonly name: 'search' } | { readonly name: 'lost' };

const newHeader = (): HeaderState => ({ name: 'header', fields: {}, bytes: 0 });

import { MAX_FIRST_FRAME_BYTES, MAX_HEADER_BYTES, MAX_START_UP_OUTPUT_BYTES } from '../limits.ts';
import { type HeaderFields, isUtf8Charset, readHeaderLine } from './header.ts';

/** Callbacks of a search for the first frame. */
export type FirstFrameEvents = {
  /** Returns true if this is the body of the first frame. */
  accepts(body: Buffer): boolean;
  /** Receives the bytes before the frame, in the order of the stream. They must not be kept. */
  skipped(bytes: Buffer): void;
};

/**
 * A search for the first frame of a stream that may begin with anything: output of a login shell, half a header, a frame
 * of another program. The first frame is the first one whose body is accepted.
 *
 * Only the last header line can be that of the frame: JSON has no line break inside a string, so a body that contains
 * a header line is not JSON. The cost is linear, and at most one header and one body are buffered between chunks.
 */
export class FirstFrame {
  readonly #events: FirstFrameEvents;
  #buffer: Buffer = Buffer.alloc(0);
  #length = 0;
  /** Offset in the buffer up to which it was searched for header lines. */
  #searched = 0;
  /** Offset of a header line that may begin the frame. */
  #header: number | undefined;
  #skippedBytes = 0;

  constructor(events: FirstFrameEvents) {
    this.#events = events;
  }

  /**
   * Searches the next bytes of the stream.
   *
   * @returns the bytes from the header of the first frame on, once the frame is complete: the search is over;
   * `'lost'` after too many bytes without it
   */
  push(chunk: Buffer): Buffer | 'lost' | undefined {
    this.#append(chunk);
    for (;;) {
      this.#header ??= this.#nextHeaderLine(this.#length);
      if (this.#skippedBytes + (this.#header ?? this.#searched) > MAX_START_UP_OUTPUT_BYTES) return 'lost';
      const verdict = this.#header === undefined ? 'incomplete' : this.#check(this.#header);
      if (verdict === 'rejected') {
        this.#header = undefined;
      } else if (typeof verdict === 'number') {
        this.#header = verdict;
      } else {
        this.#skip(this.#header ?? this.#searched);
        return verdict === 'frame' ? this.#buffered : undefined;
      }
    }
  }

  /** Reports the bytes that are buffered as skipped: the stream has ended. */
  end(): void {
    this.#header = undefined;
    this.#skip(this.#length);
  }

  /** Checks a header and its body as far as they have arrived. Returns the offset of a later header if there is one. */
  #check(start: number): 'frame' | 'rejected' | 'incomplete' | number {
    const body = this.#readHeader(start);
    if (typeof body === 'string') return body;
    const later = this.#nextHeaderLine(Math.min(this.#length, body.end));
    if (later !== undefined) return later;
    if (this.#length < body.end) return 'incomplete';
    return this.#events.accepts(this.#buffered.subarray(body.start, body.end)) ? 'frame' : 'rejected';
  }

  #readHeader(start: number): BodyRange | 'rejected' | 'incomplete' {
    const fields: HeaderFields = {};
    const header = this.#buffered.subarray(start, start + MAX_HEADER_BYTES);
    for (let at = 0; ; ) {
      const end = header.indexOf('\n', at);
      if (end < 0) return header.length < MAX_HEADER_BYTES ? 'incomplete' : 'rejected';
      const line = header.toString('latin1', at, end).replace(/\r$/, '');
      // A second length is the start of another header.
      if (at > 0 && /^content-length:/i.test(line)) return 'rejected';
      at = end + 1;
      if (line === '') return bodyRange(fields, start + at);
      if (readHeaderLine(line, fields) !== undefined) return 'rejected';
    }
  }

  /** Returns the offset of the next complete header line before `limit`. */
  #nextHeaderLine(limit: number): number | undefined {
    const from = this.#searched;
    const match = HEADER_LINE.exec(this.#buffer.toString('latin1', from, limit));
    // The last bytes may be the start of one.
    if (match === null) this.#searched = Math.max(from, limit - LONGEST_HEADER_LINE);
    else this.#searched = from + match.index + match[0].length;
    return match === null ? undefined : from + match.index;
  }

  /** The bytes that may be part of the frame. */
  get #buffered(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #append(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (length > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#buffer.length));
      this.#buffer.copy(grown, 0, 0, this.#length);
      this.#buffer = grown;
    }
    chunk.copy(this.#buffer, this.#length);
    this.#length = length;
  }

  #skip(bytes: number): void {
    if (bytes === 0) return;
    this.#events.skipped(this.#buffer.subarray(0, bytes));
    this.#buffer = Buffer.from(this.#buffered.subarray(bytes));
    this.#length -= bytes;
    this.#searched = Math.max(0, this.#searched - bytes);
    this.#skippedBytes += bytes;
    if (this.#header !== undefined) this.#header -= bytes;
  }
}

type BodyRange = { readonly start: number; readonly end: number };

// Every repetition is bounded, and so is the length of the line.
const HEADER_LINE = /content-length:[ \t]{0,8}\d{1,9}[ \t]{0,8}\r?\n/i;
const LONGEST_HEADER_LINE = 'content-length:'.length + 8 + 9 + 8 + '\r\n'.length;

const bodyRange = ({ contentLength = 0, charset }: HeaderFields, start: number): BodyRange | 'rejected' =>
  contentLength <= MAX_FIRST_FRAME_BYTES && isUtf8Charset(charset)
    ? { start, end: start + contentLength }
    : 'rejected';

import { MAX_FIRST_FRAME_BYTES, MAX_HEADER_BYTES, MAX_NOISE_BYTES } from '../limits.ts';
import { type HeaderFields, isUtf8Charset, readHeaderLine } from './header.ts';

/** What a search for the first frame asks and tells. */
export type FirstFrameEvents = {
  /** Whether this body is the one that is waited for. */
  accepts(body: Buffer): boolean;
  /** These bytes come before the frame; called in the order of the stream. They may not be kept. */
  noise(bytes: Buffer): void;
};

/**
 * Finds the first frame of a stream that may begin with anything: what a login shell prints, half a header,
 * a frame of somebody else. A frame counts when its body is accepted, not when it looks like one.
 *
 * Only the last header that was seen can be the right one: JSON has no line break inside a string, so a body
 * with a header line in it is none. The cost is linear, however the stream is cut into chunks, and between
 * chunks one header and one body are held at most.
 */
export class FirstFrame {
  readonly #events: FirstFrameEvents;
  #room: Buffer = Buffer.alloc(0);
  #length = 0;
  /** Up to where what is held was searched for header lines. */
  #searched = 0;
  /** Where a header line was found that may begin the frame. */
  #header: number | undefined;
  #noiseBytes = 0;

  constructor(events: FirstFrameEvents) {
    this.#events = events;
  }

  /**
   * Takes the next bytes of the stream.
   *
   * @returns everything from the header of the first frame on, once that is here: then the search is over;
   * `'lost'` when too much came before it
   */
  push(chunk: Buffer): Buffer | 'lost' | undefined {
    this.#hold(chunk);
    for (;;) {
      this.#header ??= this.#nextHeaderLine(this.#length);
      if (this.#noiseBytes + (this.#header ?? this.#searched) > MAX_NOISE_BYTES) return 'lost';
      const verdict = this.#header === undefined ? 'incomplete' : this.#judge(this.#header);
      if (verdict === 'noise') {
        this.#header = undefined;
      } else if (typeof verdict === 'number') {
        this.#header = verdict;
      } else {
        this.#passOver(this.#header ?? this.#searched);
        return verdict === 'frame' ? this.#held : undefined;
      }
    }
  }

  /** The stream has ended: what is held is noise, too. */
  end(): void {
    this.#header = undefined;
    this.#passOver(this.#length);
  }

  /** Judges a header and its body, as far as they are here; a number is the place of a better header. */
  #judge(start: number): 'frame' | 'noise' | 'incomplete' | number {
    const body = this.#readHeader(start);
    if (typeof body === 'string') return body;
    const later = this.#nextHeaderLine(Math.min(this.#length, body.end));
    if (later !== undefined) return later;
    if (this.#length < body.end) return 'incomplete';
    return this.#events.accepts(this.#held.subarray(body.start, body.end)) ? 'frame' : 'noise';
  }

  #readHeader(start: number): BodyPlace | 'noise' | 'incomplete' {
    const fields: HeaderFields = {};
    const header = this.#held.subarray(start, start + MAX_HEADER_BYTES);
    for (let at = 0; ; ) {
      const end = header.indexOf('\n', at);
      if (end < 0) return header.length < MAX_HEADER_BYTES ? 'incomplete' : 'noise';
      const line = header.toString('latin1', at, end).replace(/\r$/, '');
      // A second length is looked at as the beginning of another header.
      if (at > 0 && /^content-length:/i.test(line)) return 'noise';
      at = end + 1;
      if (line === '') return placeOf(fields, start + at);
      if (readHeaderLine(line, fields) !== undefined) return 'noise';
    }
  }

  /** Finds a whole header line in what wasn't searched yet, up to `limit`. */
  #nextHeaderLine(limit: number): number | undefined {
    const from = this.#searched;
    const match = HEADER_LINE.exec(this.#room.toString('latin1', from, limit));
    // The last bytes may be the beginning of one.
    if (match === null) this.#searched = Math.max(from, limit - LONGEST_HEADER_LINE);
    else this.#searched = from + match.index + match[0].length;
    return match === null ? undefined : from + match.index;
  }

  /** Bytes of which it isn't known yet whether they are part of the frame. */
  get #held(): Buffer {
    return this.#room.subarray(0, this.#length);
  }

  #hold(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (length > this.#room.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#room.length));
      this.#room.copy(grown, 0, 0, this.#length);
      this.#room = grown;
    }
    chunk.copy(this.#room, this.#length);
    this.#length = length;
  }

  #passOver(bytes: number): void {
    if (bytes === 0) return;
    this.#events.noise(this.#room.subarray(0, bytes));
    this.#room = Buffer.from(this.#held.subarray(bytes));
    this.#length -= bytes;
    this.#searched = Math.max(0, this.#searched - bytes);
    this.#noiseBytes += bytes;
    if (this.#header !== undefined) this.#header -= bytes;
  }
}

type BodyPlace = { readonly start: number; readonly end: number };

// All that repeats is bounded, so that the longest header line is.
const HEADER_LINE = /content-length:[ \t]{0,8}\d{1,9}[ \t]{0,8}\r?\n/i;
const LONGEST_HEADER_LINE = 'content-length:'.length + 8 + 9 + 8 + '\r\n'.length;

const placeOf = ({ contentLength = 0, charset }: HeaderFields, start: number): BodyPlace | 'noise' =>
  contentLength <= MAX_FIRST_FRAME_BYTES && isUtf8Charset(charset)
    ? { start, end: start + contentLength }
    : 'noise';

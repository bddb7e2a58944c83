import { type ExecServerError, invalidMessage, limitExceeded } from '../errors.ts';
import { MAX_FRAME_VALUES, MAX_NESTING } from '../limits.ts';

/**
 * Scans JSON text while it arrives, for input that is expensive to parse: deep nesting and many values. `JSON.parse`
 * needs seconds and gigabytes for 64 MiB of brackets. Strings are skipped by searching for their end. The result for
 * text that is not JSON is arbitrary.
 */
export class JsonScan {
  readonly #maxValues: number;
  readonly #maxNesting: number;
  #depth = 0;
  #deepest = 0;
  #values = 0;
  #inString = false;
  /** True if the text so far ends inside a string with a backslash that escapes the next character. */
  #escaping = false;

  constructor(maxValues = MAX_FRAME_VALUES, maxNesting = MAX_NESTING) {
    this.#maxValues = maxValues;
    this.#maxNesting = maxNesting;
  }

  /** Starts over with another text. */
  reset(): void {
    this.#depth = 0;
    this.#deepest = 0;
    this.#values = 0;
    this.#inString = false;
    this.#escaping = false;
  }

  /** The deepest nesting of arrays and objects. */
  get depth(): number {
    return this.#deepest;
  }

  /** Number of entries of arrays and objects; an empty one counts as if it had one. */
  get values(): number {
    return this.#values;
  }

  /** The error of the limit that was exceeded, if any. */
  get problem(): ExecServerError | undefined {
    if (this.#deepest > this.#maxNesting) {
      return invalidMessage(`the message is nested deeper than ${this.#maxNesting} levels`);
    }
    return this.#values > this.#maxValues
      ? limitExceeded('frameValues', this.#values, this.#maxValues)
      : undefined;
  }

  /** Scans the next part of the text. Has no effect once a limit was exceeded. */
  push(text: Buffer): void {
    let at = this.#inString ? this.#endOfString(text, 0) : 0;
    let [depth, deepest, values] = [this.#depth, this.#deepest, this.#values];
    for (; at < text.length && deepest <= this.#maxNesting && values <= this.#maxValues; at += 1) {
      switch (text[at]) {
        case QUOTE:
          at = this.#endOfString(text, at + 1) - 1;
          break;
        case COMMA:
          values += 1;
          break;
        case OPEN_ARRAY:
        case OPEN_OBJECT:
          values += 1;
          depth += 1;
          if (depth > deepest) deepest = depth;
          break;
        case CLOSE_ARRAY:
        case CLOSE_OBJECT:
          depth -= 1;
      }
    }
    [this.#depth, this.#deepest, this.#values] = [depth, deepest, values];
  }

  /** Returns the offset after the string that contains `start`, or the length of the text if the string continues. */
  #endOfString(text: Buffer, start: number): number {
    this.#inString = true;
    let from = start;
    // Escaped by the end of the previous part.
    if (this.#escaping && from < text.length) {
      this.#escaping = false;
      from += 1;
    }
    for (let at = from; ; ) {
      const quote = text.indexOf(QUOTE, at);
      const end = quote < 0 ? text.length : quote;
      const escaped = backslashesBefore(text, end, from) % 2 === 1;
      if (quote < 0) {
        this.#escaping ||= escaped;
        return text.length;
      }
      if (!escaped) {
        this.#inString = false;
        return quote + 1;
      }
      at = quote + 1;
    }
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const backslashesBefore = (text: Buffer, end: number, start: number): number => {
  let count = 0;
  while (end - 1 - count >= start && text[end - 1 - count] === BACKSLASH) count += 1;
  return count;
};

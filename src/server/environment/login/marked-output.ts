import { MAX_LOGIN_NOISE_BYTES } from './limits.ts';

/** Marks around the part of an output that counts. */
export type Marks = { readonly begin: Buffer; readonly end: Buffer };

/** Collects the output of a shell from the last occurrence of the first mark to the last mark. Other output is ignored. */
export class MarkedOutput {
  readonly #marks: Marks;
  readonly #maxBytes: number;
  readonly #copies: number;
  /** Output from the first mark on. */
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #noiseBytes = 0;
  /** Latest bytes, which may contain the beginning of a mark. */
  #tail: Buffer = Buffer.alloc(0);

  /**
   * @param maxBytes limit of what is between the marks
   * @param copies times that it is there, each with a mark
   */
  constructor(marks: Marks, maxBytes: number, copies = 1) {
    this.#marks = marks;
    this.#maxBytes = maxBytes;
    this.#copies = copies;
  }

  /** Adds output. Returns that between the marks once it is complete, or the reason why there will be none. */
  push(chunk: Buffer): Buffer | { readonly reason: string } | undefined {
    const { begin, end } = this.#marks;
    const seen = Buffer.concat([this.#tail, chunk]);
    this.#tail = Buffer.from(seen.subarray(-(begin.length - 1)));
    if (this.#chunks.length > 0) {
      this.#keep(chunk);
    } else {
      const at = seen.indexOf(begin);
      if (at === -1) {
        this.#noiseBytes += chunk.length;
        return this.#noiseBytes > MAX_LOGIN_NOISE_BYTES ? { reason: TOO_MUCH_NOISE } : undefined;
      }
      this.#keep(seen.subarray(at));
    }
    if (seen.includes(end)) return this.#between();
    const limit = this.#copies * this.#maxBytes + (this.#copies + 1) * end.length;
    return this.#bytes > limit ? { reason: tooLong(this.#maxBytes) } : undefined;
  }

  #between(): Buffer {
    const { begin, end } = this.#marks;
    const printed = Buffer.concat(this.#chunks);
    const to = printed.indexOf(end);
    return printed.subarray(printed.lastIndexOf(begin, to) + begin.length, to);
  }

  #keep(bytes: Buffer): void {
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
  }
}

/** The reason for which an output is not used, which continues a sentence. */
export const tooLong = (maxBytes: number): string => `longer than ${maxBytes} bytes`;

const TOO_MUCH_NOISE = `not found in the first ${MAX_LOGIN_NOISE_BYTES} bytes of output`;

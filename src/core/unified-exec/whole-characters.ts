/**
 * Splits a byte stream at UTF-8 characters: the bytes of an incomplete character wait for the rest, so that pieces of
 * several streams can be concatenated and decoded together.
 */
export class WholeCharacters {
  #waiting: Buffer = NOTHING;

  /** Adds a chunk and returns the complete characters so far. */
  push(chunk: Buffer): Buffer {
    const bytes = this.#waiting.length === 0 ? chunk : Buffer.concat([this.#waiting, chunk]);
    const whole = bytes.length - unfinishedBytes(bytes);
    // A copy: three bytes must not keep the whole block that they were read into.
    this.#waiting = whole === bytes.length ? NOTHING : Buffer.from(bytes.subarray(whole));
    return bytes.subarray(0, whole);
  }

  /** Returns the incomplete character at the end of the stream, if any. */
  end(): Buffer {
    const rest = this.#waiting;
    this.#waiting = NOTHING;
    return rest;
  }
}

/** The number of bytes at the end that belong to a character without its last byte. */
export const unfinishedBytes = (bytes: Uint8Array): number => {
  for (let back = 1; back <= 3 && back <= bytes.length; back += 1) {
    const byte = bytes[bytes.length - back] as number;
    if (!isContinuation(byte)) return characterLength(byte) > back ? back : 0;
  }
  return 0;
};

/** The number of bytes at the beginning that belong to a character without its first byte. */
export const bytesOfCutCharacter = (bytes: Uint8Array): number => {
  let count = 0;
  while (count < 3 && count < bytes.length && isContinuation(bytes[count] as number)) count += 1;
  return count;
};

const NOTHING = Buffer.alloc(0);

const isContinuation = (byte: number): boolean => (byte & 0xc0) === 0x80;

// By the first byte. A byte that cannot begin a character stands alone.
const characterLength = (first: number): number => {
  if (first >= 0xf0 && first <= 0xf4) return 4;
  if (first >= 0xe0 && first <= 0xef) return 3;
  return first >= 0xc2 && first <= 0xdf ? 2 : 1;
};

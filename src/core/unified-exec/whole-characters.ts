/**
 * Passes a byte stream on in pieces that end with whole UTF-8 characters: the bytes of a character whose end
 * hasn't come wait for it. So pieces of several streams can be put together and decoded as one.
 */
export class WholeCharacters {
  #waiting: Buffer = NOTHING;

  /** What is whole of what waits and this. */
  push(chunk: Buffer): Buffer {
    const bytes = this.#waiting.length === 0 ? chunk : Buffer.concat([this.#waiting, chunk]);
    const whole = bytes.length - unfinishedBytes(bytes);
    // A copy: three bytes must not keep the whole block that they were read into.
    this.#waiting = whole === bytes.length ? NOTHING : Buffer.from(bytes.subarray(whole));
    return bytes.subarray(0, whole);
  }

  /** What waits, at the end of the stream: a character that was never finished. */
  end(): Buffer {
    const rest = this.#waiting;
    this.#waiting = NOTHING;
    return rest;
  }
}

/** How many bytes at the end belong to a character whose last byte isn't there. */
export const unfinishedBytes = (bytes: Uint8Array): number => {
  for (let back = 1; back <= 3 && back <= bytes.length; back += 1) {
    const byte = bytes[bytes.length - back] as number;
    if (!isContinuation(byte)) return characterLength(byte) > back ? back : 0;
  }
  return 0;
};

/** How many bytes at the beginning belong to a character whose first byte isn't there. */
export const bytesOfCutCharacter = (bytes: Uint8Array): number => {
  let count = 0;
  while (count < 3 && count < bytes.length && isContinuation(bytes[count] as number)) count += 1;
  return count;
};

const NOTHING = Buffer.alloc(0);

const isContinuation = (byte: number): boolean => (byte & 0xc0) === 0x80;

// By its first byte. One that can't begin a character stands alone.
const characterLength = (first: number): number => {
  if (first >= 0xf0 && first <= 0xf4) return 4;
  if (first >= 0xe0 && first <= 0xef) return 3;
  return first >= 0xc2 && first <= 0xdf ? 2 : 1;
};

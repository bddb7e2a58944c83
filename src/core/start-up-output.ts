import { printableQuoted } from './printable.ts';
import { TextTail } from './text-tail.ts';

/** Bytes that came before the first frame of a server, such as the greeting of a login shell. */
export type StartUpOutput = {
  readonly bytes: number;
  /**
   * The first 200 characters and the last 100, with `…` for those in between. Control characters, quotes and
   * backslashes are escaped as in JSON: it is one line and safe to show.
   */
  readonly excerpt: string;
};

/** Returns a number of bytes with its unit. */
export const countedBytes = (bytes: number): string => `${bytes} ${bytes === 1 ? 'byte' : 'bytes'}`;

const HEAD_CHARACTERS = 200;
const TAIL_CHARACTERS = 100;

/** Maximum length of a character in UTF-8, in bytes. */
const WIDEST = 4;

/** Length, beginning and end of the bytes before the first frame. */
export class StartUpOutputRecord {
  #bytes = 0;
  #head: Buffer = Buffer.alloc(0);
  readonly #tail = new TextTail(TAIL_CHARACTERS * WIDEST);

  push(chunk: Buffer): void {
    this.#bytes += chunk.length;
    const room = (HEAD_CHARACTERS + TAIL_CHARACTERS) * WIDEST - this.#head.length;
    if (room > 0) this.#head = Buffer.concat([this.#head, chunk.subarray(0, room)]);
    this.#tail.push(chunk);
  }

  /** The beginning and the end, not escaped. */
  get text(): string {
    return this.#parts().join('\n');
  }

  /** The same, escaped; `undefined` if there were no bytes. */
  get summary(): StartUpOutput | undefined {
    return this.#bytes === 0
      ? undefined
      : { bytes: this.#bytes, excerpt: this.#parts().map(printableQuoted).join('…') };
  }

  #parts(): string[] {
    const head = characters(this.#head.toString('utf8'));
    if (this.#bytes === this.#head.length && head.length <= HEAD_CHARACTERS + TAIL_CHARACTERS)
      return [head.join('')];
    const tail = characters(this.#tail.text).slice(-TAIL_CHARACTERS);
    return [head.slice(0, HEAD_CHARACTERS).join(''), tail.join('')];
  }
}

const characters = (text: string): string[] => Array.from(text);

import { StringDecoder } from 'node:string_decoder';
import { TextTail } from './text-tail.ts';

const HEAD_LINES = 20;
const HEAD_BYTES = 16 * 1024;
const TAIL_LINES = 10;
const TAIL_BYTES = 16 * 1024;

/** Stands for the lines in between. */
const OMITTED = '…';

/**
 * The first 20 and the last 10 lines of a stream, of at most 16 KiB each. Warnings come first, such as that of ssh about a
 * changed host key; the reason for an exit comes last.
 */
export class LineExcerpt {
  #head: Buffer = Buffer.alloc(0);
  /** The bytes after the head. */
  readonly #tail = new TextTail(TAIL_BYTES);

  push(chunk: Buffer): void {
    const room = HEAD_BYTES - this.#head.length;
    if (room > 0) this.#head = Buffer.concat([this.#head, chunk.subarray(0, room)]);
    this.#tail.push(chunk.subarray(room));
  }

  /** The lines that are not empty. */
  get lines(): string[] {
    const { bytes, isCut, text } = this.#tail;
    const all = linesOf(Buffer.concat([this.#head, bytes]).toString());
    if (!isCut && all.length <= HEAD_LINES + TAIL_LINES) return all;
    // Without the part of a character at its end.
    const head = new StringDecoder('utf8').write(this.#head);
    const [first, last] = isCut ? [linesOf(head), linesOf(text)] : [all, all];
    return [...first.slice(0, HEAD_LINES), OMITTED, ...last.slice(-TAIL_LINES)];
  }
}

const linesOf = (text: string): string[] => text.split(/\r?\n|\r/).filter(line => line.trim() !== '');

import { Fifo } from '../protocol/fifo.ts';
import type { OutputStream } from '../protocol/process.ts';

/** Bytes as a process wrote them, and where. */
export type OutputChunk = {
  readonly stream: OutputStream;
  readonly chunk: Buffer;
  /** Bytes that were dropped before this chunk; only with `output: 'headTail'`. */
  readonly droppedBefore?: number;
};

/** A chunk under its number. */
export type NumberedChunk = OutputChunk & { readonly seq: number };

/**
 * Output that was received and not read yet. It has one reader at a time; a second one while the first waits is an error.
 *
 * Short chunks that wait are joined, so that memory follows the bytes and not the number of chunks.
 */
export class OutputQueue implements AsyncIterable<NumberedChunk> {
  readonly #onRead: (chunk: NumberedChunk) => void;
  readonly #chunks = new Fifo<NumberedChunk>();
  #bytes = 0;
  #end: { readonly error: Error | undefined } | undefined;
  #wake: (() => void) | undefined;
  /** Memory of the last chunk, if it was joined, with room for more. */
  #room: Buffer = Buffer.alloc(0);

  /** @param onRead called with each chunk that is taken out */
  constructor(onRead: (chunk: NumberedChunk) => void) {
    this.#onRead = onRead;
  }

  /** Bytes that wait to be read. */
  get bytes(): number {
    return this.#bytes;
  }

  push(chunk: NumberedChunk): void {
    if (this.#end !== undefined || (chunk.chunk.length === 0 && chunk.droppedBefore === undefined)) return;
    if (!this.#join(chunk)) this.#chunks.push(chunk);
    this.#bytes += chunk.chunk.length;
    this.#wake?.();
  }

  /** Ends the output after what is queued; with an error if it isn't whole. */
  end(error?: Error): void {
    this.#end ??= { error };
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<NumberedChunk, void, void> {
    for (;;) {
      const next = this.#chunks.take();
      if (next !== undefined) {
        this.#bytes -= next.chunk.length;
        this.#onRead(next);
        yield next;
      } else if (this.#end !== undefined) {
        if (this.#end.error !== undefined) throw this.#end.error;
        return;
      } else {
        await this.#more();
      }
    }
  }

  async #more(): Promise<void> {
    if (this.#wake !== undefined) throw new Error('the output already has a reader');
    await new Promise<void>(resolve => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }

  /** Appends a short chunk to the one before it, if that is short, too, and of the same stream. */
  #join({ seq, stream, chunk, droppedBefore }: NumberedChunk): boolean {
    const { last } = this.#chunks;
    if (last?.stream !== stream || droppedBefore !== undefined) return false;
    const length = last.chunk.length + chunk.length;
    if (length > MAX_JOINED_BYTES) return false;
    if (
      last.chunk.buffer !== this.#room.buffer ||
      last.chunk.byteOffset !== this.#room.byteOffset ||
      length > this.#room.length
    ) {
      this.#room = Buffer.allocUnsafe(2 * length);
      last.chunk.copy(this.#room);
    }
    chunk.copy(this.#room, last.chunk.length);
    this.#chunks.replaceLast({ ...last, seq, chunk: this.#room.subarray(0, length) });
    return true;
  }
}

/** Longest chunk that is made of shorter ones, in bytes. */
const MAX_JOINED_BYTES = 4096;

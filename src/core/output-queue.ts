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

/** Output that has arrived and wasn't read yet; one reader at a time. */
export class OutputQueue implements AsyncIterable<NumberedChunk> {
  readonly #onRead: (chunk: NumberedChunk) => void;
  readonly #chunks = new Fifo<NumberedChunk>();
  #bytes = 0;
  #end: { readonly error: Error | undefined } | undefined;
  #wake: () => void = () => {};

  /** @param onRead called with each chunk that is taken out */
  constructor(onRead: (chunk: NumberedChunk) => void) {
    this.#onRead = onRead;
  }

  /** Bytes that wait to be read. */
  get bytes(): number {
    return this.#bytes;
  }

  push(chunk: NumberedChunk): void {
    if (this.#end !== undefined) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.chunk.length;
    this.#wake();
  }

  /** Ends the output after what is queued; with an error if it isn't whole. */
  end(error?: Error): void {
    this.#end ??= { error };
    this.#wake();
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
        await new Promise<void>(resolve => {
          this.#wake = resolve;
        });
      }
    }
  }
}

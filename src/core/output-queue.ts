import type { OutputStream } from '../protocol/process.ts';

/** Bytes as a process wrote them, and where. */
export type OutputChunk = { readonly stream: OutputStream; readonly chunk: Buffer };

/** Output that has arrived and wasn't read yet; one reader at a time. */
export class OutputQueue implements AsyncIterable<OutputChunk> {
  readonly #onRead: () => void;
  readonly #chunks: OutputChunk[] = [];
  #bytes = 0;
  #end: { readonly error: Error | undefined } | undefined;
  #wake: () => void = () => {};

  /** @param onRead called whenever a chunk was taken out */
  constructor(onRead: () => void) {
    this.#onRead = onRead;
  }

  /** Bytes that wait to be read. */
  get bytes(): number {
    return this.#bytes;
  }

  push(chunk: OutputChunk): void {
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

  async *[Symbol.asyncIterator](): AsyncGenerator<OutputChunk, void, void> {
    for (;;) {
      const next = this.#chunks.shift();
      if (next !== undefined) {
        this.#bytes -= next.chunk.length;
        this.#onRead();
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

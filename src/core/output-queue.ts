import type { OutputStream } from '../protocol/process.ts';
import { Fifo } from '../system/fifo.ts';

/** A piece of output, and the stream that it was written to. */
export type OutputChunk = {
  readonly stream: OutputStream;
  readonly chunk: Buffer;
  /** Bytes that were dropped before this chunk; only with `output: 'headTail'`. */
  readonly droppedBefore?: number;
};

/** A chunk with its sequence number. */
export type NumberedChunk = OutputChunk & { readonly seq: number };

/**
 * Output that was received and not read yet. It has one reader at a time; after one that stops early, another one may
 * continue.
 *
 * Short chunks that wait are joined, so that memory depends on the bytes and not on the number of chunks.
 */
export class OutputQueue implements AsyncIterable<NumberedChunk> {
  readonly #source: string;
  readonly #onRead: (chunk: NumberedChunk) => void;
  readonly #chunks = new Fifo<NumberedChunk>();
  #bytes = 0;
  #end: { readonly error: Error | undefined } | undefined;
  #reader: 'none' | 'reading' | 'done' = 'none';
  #wake: (() => void) | undefined;
  /** Buffer of the last chunk, if it was joined, with room for more. */
  #room: Buffer = Buffer.alloc(0);

  /**
   * @param source the name of the process, for errors
   * @param onRead called with each chunk that is read
   */
  constructor(source: string, onRead: (chunk: NumberedChunk) => void) {
    this.#source = source;
    this.#onRead = onRead;
  }

  /** Bytes that are not read. */
  get bytes(): number {
    return this.#bytes;
  }

  push(chunk: NumberedChunk): void {
    if (this.#end !== undefined) {
      // Discarded output counts as read.
      this.#onRead(chunk);
      return;
    }
    if (chunk.chunk.length === 0 && chunk.droppedBefore === undefined) return;
    if (!this.#join(chunk)) this.#chunks.push(chunk);
    this.#bytes += chunk.chunk.length;
    this.#wake?.();
  }

  /** Ends the output after the queued chunks; with an error if it is incomplete. */
  end(error?: Error): void {
    this.#end ??= { error };
    this.#wake?.();
  }

  /** Removes everything that is queued or comes later. A reader gets an error. */
  discard(): void {
    this.#end = { error: new Error(`the output of ${this.#source} was discarded`) };
    for (let next = this.#take(); next !== undefined; next = this.#take());
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<NumberedChunk, void, void> {
    if (this.#reader !== 'none') throw this.#secondReader();
    this.#reader = 'reading';
    try {
      for (;;) {
        const next = this.#take();
        if (next !== undefined) {
          yield next;
        } else if (this.#end !== undefined) {
          if (this.#end.error !== undefined) throw this.#end.error;
          this.#reader = 'done';
          return;
        } else {
          await new Promise<void>(resolve => {
            this.#wake = resolve;
          });
          this.#wake = undefined;
        }
      }
    } finally {
      if (this.#reader === 'reading') this.#reader = 'none';
    }
  }

  #take(): NumberedChunk | undefined {
    const next = this.#chunks.take();
    if (next === undefined) return undefined;
    this.#bytes -= next.chunk.length;
    this.#onRead(next);
    return next;
  }

  #secondReader(): Error {
    const state = this.#reader === 'done' ? 'has already been read' : 'is already being read';
    return new Error(`the output of ${this.#source} ${state}; it can have one reader`);
  }

  /** Appends a short chunk to the one before it, if that is short too and of the same stream. */
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

/** Maximum length of a chunk that is joined from shorter ones, in bytes. */
const MAX_JOINED_BYTES = 4096;

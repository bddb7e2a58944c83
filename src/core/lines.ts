import { StringDecoder } from 'node:string_decoder';
import type { OutputStream } from '../protocol/process.ts';
import type { OutputChunk } from './output-queue.ts';

/** A line of output, without its line end. */
export type OutputLine = {
  readonly stream: OutputStream;
  readonly line: string;
  /** Bytes that were dropped before this line; only with `output: 'headTail'`. */
  readonly droppedBefore?: number;
};

/**
 * Splits output into lines that end in LF or CR LF, each stream by itself.
 *
 * @param tooLong returns the error for a line of so many bytes
 */
export async function* readLines(
  output: AsyncIterable<OutputChunk>,
  maxLineBytes: number,
  tooLong: (bytes: number) => Error,
): AsyncGenerator<OutputLine, void, void> {
  const splitters = { stdout: new LineSplitter(), stderr: new LineSplitter(), pty: new LineSplitter() };
  const rests = () =>
    Object.entries(splitters).flatMap(([stream, splitter]) =>
      splitter.end().map(line => ({ stream: stream as OutputStream, line })),
    );
  let dropped = 0;
  for await (const { stream, chunk, droppedBefore = 0 } of output) {
    // The end of a line that was begun is missing: it is not joined to what follows the gap.
    if (droppedBefore > 0) yield* rests();
    dropped += droppedBefore;
    const splitter = splitters[stream];
    for (const line of splitter.push(chunk)) {
      yield { stream, line, ...(dropped > 0 && { droppedBefore: dropped }) };
      dropped = 0;
    }
    if (splitter.bytes > maxLineBytes) throw tooLong(splitter.bytes);
  }
  for (const rest of rests()) {
    yield { ...rest, ...(dropped > 0 && { droppedBefore: dropped }) };
    dropped = 0;
  }
}

/** The line that one stream has begun. */
class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  #begun: string[] = [];
  #bytes = 0;

  /** Length of the line that is begun, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Returns the lines that end in a chunk. */
  push(chunk: Buffer): string[] {
    const lastEnd = chunk.lastIndexOf(LINE_FEED);
    this.#begun.push(this.#decoder.write(chunk));
    if (lastEnd < 0) {
      this.#bytes += chunk.length;
      return [];
    }
    this.#bytes = chunk.length - lastEnd - 1;
    const lines = this.#begun.join('').split('\n');
    this.#begun = lines.splice(-1);
    return lines.map(withoutReturn);
  }

  /** Returns the line that is begun, if there is one. */
  end(): string[] {
    const rest = this.#begun.join('') + this.#decoder.end();
    this.#begun = [];
    this.#bytes = 0;
    return rest === '' ? [] : [withoutReturn(rest)];
  }
}

const LINE_FEED = 0x0a;

const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);

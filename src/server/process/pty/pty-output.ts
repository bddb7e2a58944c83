import { readSync } from 'node:fs';
import { Readable } from 'node:stream';
import type { ReadStream } from 'node:tty';

/** Complete output of a terminal. Its end does not close the terminal. */
export class TerminalOutput extends Readable {
  readonly #master: ReadStream;

  /** @param fd the descriptor that `master` reads */
  constructor(master: ReadStream, fd: number) {
    super();
    this.#master = master;
    master.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) master.pause();
    });
    master.on('end', () => {
      for (const chunk of unread(fd)) this.push(chunk);
      this.push(null);
    });
    // EIO: no process has the terminal open, and nothing is left to read.
    master.on('error', () => this.push(null));
    master.pause();
  }

  override _read(): void {
    this.#master.resume();
  }
}

/**
 * Reads the output that is left when Node reports the end of the terminal: libuv treats a hang-up as the end even if
 * more is buffered than one read returns. The kernel buffers a few KiB at most.
 */
const unread = (fd: number): Buffer[] => {
  const chunks: Buffer[] = [];
  for (;;) {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    const length = readNow(fd, buffer);
    if (length === 0) return chunks;
    chunks.push(buffer.subarray(0, length));
  }
};

const CHUNK_BYTES = 16 * 1024;

const readNow = (fd: number, buffer: Buffer): number => {
  try {
    return readSync(fd, buffer);
  } catch {
    // EIO: the actual end on Linux.
    return 0;
  }
};

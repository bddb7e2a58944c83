import { readSync } from 'node:fs';
import { Readable } from 'node:stream';
import type { ReadStream } from 'node:tty';

/** What comes out of a terminal, whole. It doesn't close the terminal. */
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
    // EIO: the last one has closed the terminal, and nothing is left to read.
    master.on('error', () => this.push(null));
    master.pause();
  }

  override _read(): void {
    this.#master.resume();
  }
}

/**
 * What the kernel still holds when Node says that the terminal has ended: libuv takes a hang-up for the end
 * even if it comes with more than one read can take. The kernel holds a few KiB at most.
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
    // EIO on Linux is the true end.
    return 0;
  }
};

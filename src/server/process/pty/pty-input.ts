import { writeSync } from 'node:fs';
import { Writable } from 'node:stream';

/**
 * Input of a terminal. Writing through the stream that reads it would block this process while the child does not read:
 * libuv polls a terminal that it cannot open again.
 */
export class TerminalInput extends Writable {
  readonly #fd: number;
  readonly #isOpen: () => boolean;
  #retry: NodeJS.Timeout | undefined;

  /** @param isOpen true while `fd` is open; checked before each use, because descriptor numbers are reused */
  constructor(fd: number, isOpen: () => boolean) {
    super();
    this.#fd = fd;
    this.#isOpen = isOpen;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send(chunk, FIRST_RETRY_MS, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#retry);
    done(error);
  }

  #send(chunk: Buffer, retryMs: number, done: (error?: Error | null) => void): void {
    let written: number;
    try {
      written = this.#isOpen() ? writeNow(this.#fd, chunk) : closed();
    } catch (error) {
      done(error as Error);
      return;
    }
    if (written === chunk.length) {
      done();
      return;
    }
    const rest = chunk.subarray(written);
    const wait = written > 0 ? FIRST_RETRY_MS : retryMs;
    this.#retry = setTimeout(() => this.#send(rest, Math.min(wait * 2, LAST_RETRY_MS), done), wait);
  }
}

const closed = (): never => {
  throw new Error('the terminal is closed');
};

// The terminal's buffer is full, and there is no event when the child has read: retry at growing intervals.
const FIRST_RETRY_MS = 1;
const LAST_RETRY_MS = 50;

const writeNow = (fd: number, chunk: Buffer): number => {
  try {
    return writeSync(fd, chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
    throw error;
  }
};

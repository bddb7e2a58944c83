import type { Writable } from 'node:stream';
import { limitExceeded } from '../../protocol/errors.ts';
import { MAX_STDIN_QUEUED_BYTES, MAX_WRITE_IDS, STDIN_HIGH_WATER_BYTES } from '../limits.ts';

/** What became of a write. */
export type WriteStatus = 'accepted' | 'stdinClosed';

/** The stdin of one child: bytes in the order of the calls, with backpressure to whoever writes. */
export class StdinQueue {
  readonly #stream: Writable | null;
  readonly #writeIds = new Set<string>();
  readonly #waiting = new Set<() => void>();
  #open: boolean;

  /** @param stream the child's stdin, or `null` if it has none to write to */
  constructor(stream: Writable | null) {
    this.#stream = stream;
    this.#open = stream !== null;
    stream?.on('drain', () => this.#release());
    // EPIPE: the child has closed its stdin or is gone. It is told as a status, not as an error.
    stream?.on('error', () => this.#closed());
    stream?.on('close', () => this.#closed());
  }

  /**
   * Queues a chunk. Resolves when it is queued and the queue is short again, so that a writer that waits
   * for the answers never fills memory.
   *
   * @throws {ExecServerError} `limitExceeded` when a writer that doesn't wait has filled the queue
   */
  async write(chunk: Buffer, writeId: string | undefined): Promise<WriteStatus> {
    if (!this.#open || this.#stream === null) return 'stdinClosed';
    const current = this.#stream.writableLength + chunk.length;
    if (writeId !== undefined && this.#writeIds.has(writeId)) return 'accepted';
    if (this.#stream.writableLength > 0 && current > MAX_STDIN_QUEUED_BYTES) {
      throw limitExceeded('stdinQueuedBytes', current, MAX_STDIN_QUEUED_BYTES);
    }
    if (writeId !== undefined) this.#remember(writeId);
    this.#stream.write(chunk);
    if (this.#stream.writableLength > STDIN_HIGH_WATER_BYTES) {
      await new Promise<void>(resolve => this.#waiting.add(resolve));
    }
    // An end that came meanwhile takes nothing away from what was queued before it.
    const { errored, destroyed, writableFinished } = this.#stream;
    return errored || (destroyed && !writableFinished) ? 'stdinClosed' : 'accepted';
  }

  /** Ends stdin after what was queued. */
  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#stream?.end();
  }

  #remember(writeId: string): void {
    this.#writeIds.add(writeId);
    if (this.#writeIds.size <= MAX_WRITE_IDS) return;
    const [oldest] = this.#writeIds;
    this.#writeIds.delete(oldest as string);
  }

  #closed(): void {
    this.#open = false;
    this.#release();
  }

  #release(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

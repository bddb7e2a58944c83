import type { Writable } from 'node:stream';
import { limitExceeded } from '../../protocol/errors.ts';
import { Fifo } from '../../system/fifo.ts';
import type { MemoryShare } from '../memory/memory-budget.ts';
import { MAX_STDIN_QUEUED_BYTES, STDIN_HIGH_WATER_BYTES, STDIN_WRITE_OVERHEAD_BYTES } from './limits.ts';
import { WriteIds } from './write-ids.ts';

/** Memory that the stdin queues of a connection share. */
export type StdinMemory = {
  /** Budget of the queued bytes; without it only each queue is limited. */
  readonly share: MemoryShare | undefined;
  readonly writeIds: WriteIds;
};

/** Outcome of a write. */
export type WriteStatus = 'accepted' | 'stdinClosed';

/** The stdin of one child: bytes in the order of the calls, with backpressure to the writer. */
export class StdinQueue {
  readonly #stream: Writable | null;
  readonly #memory: StdinMemory;
  readonly #writeIds: Set<string>;
  /** Memory of each write that the child has not read, in their order. */
  readonly #costs = new Fifo<number>();
  readonly #waiting = new Set<() => void>();
  #open: boolean;

  /** @param stream the child's stdin, `null` if that is the null device */
  constructor(stream: Writable | null, memory: StdinMemory = { share: undefined, writeIds: new WriteIds() }) {
    this.#stream = stream;
    this.#memory = memory;
    this.#writeIds = memory.writeIds.forProcess();
    this.#open = stream !== null;
    stream?.on('drain', () => this.#release());
    // EPIPE: the child has closed its stdin or exited. The writer gets a status, not an error.
    stream?.on('error', () => this.#closed());
    stream?.on('close', () => {
      this.#closed();
      // The callbacks of writes that were in progress never come.
      while (this.#costs.length > 0) this.#written();
    });
  }

  /**
   * Queues a chunk. Resolves when it is queued and the queue is below its high-water mark, so a writer that waits for
   * the answers never fills the memory. A chunk whose `writeId` is known is not written again.
   *
   * @throws {ExecServerError} `limitExceeded` if writers that do not wait have filled this queue, or all together
   */
  async write(chunk: Buffer, writeId: string | undefined): Promise<WriteStatus> {
    if (!this.#open || this.#stream === null) return 'stdinClosed';
    const current = this.#stream.writableLength + chunk.length;
    if (writeId !== undefined && this.#writeIds.has(writeId)) return 'accepted';
    if (this.#stream.writableLength > 0 && current > MAX_STDIN_QUEUED_BYTES) {
      throw limitExceeded('stdinQueuedBytes', current, MAX_STDIN_QUEUED_BYTES);
    }
    this.#takeMemory(chunk.length);
    if (writeId !== undefined) this.#memory.writeIds.remember(this.#writeIds, writeId);
    this.#stream.write(current > chunk.length ? compact(chunk) : chunk, this.#written);
    if (this.#stream.writableLength > STDIN_HIGH_WATER_BYTES) {
      await new Promise<void>(resolve => this.#waiting.add(resolve));
    }
    // An `end()` in the meantime does not affect what was queued before.
    const { errored, destroyed, writableFinished } = this.#stream;
    return errored || (destroyed && !writableFinished) ? 'stdinClosed' : 'accepted';
  }

  /** Ends stdin after the queued bytes. Idempotent. */
  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#stream?.end();
  }

  #takeMemory(bytes: number): void {
    const cost = bytes + STDIN_WRITE_OVERHEAD_BYTES;
    const { share } = this.#memory;
    if (share !== undefined && !share.tryTakeOrAlone(cost)) {
      const hint = 'processes of this connection have input that they do not read';
      throw limitExceeded('allStdinQueuedBytes', share.usedBytes + cost, share.maxBytes, hint);
    }
    this.#costs.push(cost);
  }

  /** Releases the memory of the oldest write. One function for all writes, to save an allocation for each. */
  readonly #written = (): void => {
    const cost = this.#costs.take() ?? 0;
    this.#memory.share?.release(cost);
  };

  #closed(): void {
    this.#open = false;
    this.#release();
  }

  #release(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

/** Copies a chunk that has to wait if it is a small part of its buffer: the frame that it arrived in would stay in memory. */
const compact = (chunk: Buffer): Buffer =>
  chunk.buffer.byteLength > 2 * Math.max(chunk.length, Buffer.poolSize) ? Buffer.from(chunk) : chunk;

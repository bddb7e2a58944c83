import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { AbstractMessageWriter, type Message, type MessageWriter } from 'vscode-jsonrpc/node';
import { BufferPool } from './buffer-pool.ts';
import { encodeMessage, encodeText } from './encode.ts';
import { DEFAULT_FORMAT, type FrameFormat } from './format.ts';

/**
 * Writes JSON-RPC messages to a stream, in the order of the calls. Never blocks and never throws: once the stream has
 * failed or ended, messages are dropped. `onClose` fires when the stream has closed.
 */
export class FrameMessageWriter extends AbstractMessageWriter implements MessageWriter {
  /** The format of the next message: the framing of the peer, and binary frames if the peer accepts them. */
  format: FrameFormat = DEFAULT_FORMAT;

  #stream: Writable;
  #pool: BufferPool | undefined;
  readonly #waiting = new Set<() => void>();
  #sentBytes = 0;
  #corked = false;
  /** True if memory is released once it is written. */
  #releasesWritten = true;
  #state: 'open' | 'ending' | 'closed' = 'open';

  constructor(stream: Writable) {
    super();
    this.#stream = stream;
    this.#listen(stream);
    // Other streams may pass a buffer on within this process after they have reported it as written.
    this.#pool = stream instanceof Socket ? new BufferPool() : undefined;
  }

  /**
   * Continues with another stream, which keeps what it is given.
   *
   * @param pool memory for frames, to which the stream releases it; default: it is not used again
   */
  moveTo(stream: Writable, pool?: BufferPool): void {
    this.#stream = stream;
    this.#pool = pool;
    this.#releasesWritten = false;
    this.#listen(stream);
  }

  /** Writes a message. Bytes in its params or result must not be changed afterwards. */
  write(message: Message): Promise<void> {
    const parts = encodeMessage(message, this.format);
    if (parts.length > 1) this.#stream.cork();
    for (const part of parts) this.send(part);
    if (parts.length > 1) this.#stream.uncork();
    return Promise.resolve();
  }

  /** Writes JSON without line breaks. Bodies of one turn of the event loop are written together. */
  writeBody(json: string): void {
    this.#corkForThisTurn();
    this.send(encodeText(json, this.format.framing));
  }

  /** Returns memory for a frame of this length, which has to be sent next. */
  allocate(bytes: number): Buffer {
    return this.#pool?.acquire(bytes) ?? Buffer.allocUnsafe(bytes);
  }

  /** Writes a frame that is encoded in the current format. */
  send(frame: Buffer): void {
    this.#sentBytes += frame.length;
    const pool = this.#pool?.owns(frame) ? this.#pool : undefined;
    if (this.#state !== 'open') pool?.release(frame);
    else if (pool === undefined || !this.#releasesWritten) this.#stream.write(frame);
    else this.#stream.write(frame, () => pool.release(frame));
  }

  /** Total number of bytes of all frames. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Number of bytes in the queue, which the peer has not read; 0 once the stream is closed. */
  get queuedBytes(): number {
    return this.#state === 'closed' ? 0 : this.#stream.writableLength;
  }

  /** Calls back once when the queue is empty; immediately if the stream accepts more. */
  whenDrained(callback: () => void): void {
    if (this.queuedBytes > 0 && this.#stream.writableNeedDrain) this.#waiting.add(callback);
    else callback();
  }

  /** Resolves when the operating system has all that was written, or the stream has failed. */
  flushed(): Promise<void> {
    if (this.queuedBytes === 0) return Promise.resolve();
    return new Promise(resolve => {
      this.#waiting.add(resolve);
      // A queue that was never full causes no drain event.
      if (this.#state !== 'open') return;
      this.#stream.write(Buffer.alloc(0), () => {
        this.#waiting.delete(resolve);
        resolve();
      });
    });
  }

  /** Ends the stream after what was written. Later messages are dropped. */
  end(): void {
    if (this.#state !== 'open') return;
    // A write after the end would be an error that destroys the stream with its queue.
    this.#state = 'ending';
    this.#stream.end();
  }

  /** Delays writes until the end of this turn, to make them one: each write wakes the peer. */
  #corkForThisTurn(): void {
    if (this.#corked || this.#state !== 'open') return;
    this.#corked = true;
    const stream = this.#stream;
    stream.cork();
    process.nextTick(() => {
      this.#corked = false;
      stream.uncork();
    });
  }

  #close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#callWaiting();
    this.fireClose();
  }

  #listen(stream: Writable): void {
    const ifCurrent = (act: () => void) => () => {
      if (stream === this.#stream) act();
    };
    stream.on(
      'drain',
      ifCurrent(() => this.#callWaiting()),
    );
    stream.on(
      'finish',
      ifCurrent(() => this.#callWaiting()),
    );
    stream.on('error', error =>
      ifCurrent(() => {
        this.fireError(error);
        this.#close();
      })(),
    );
    stream.on(
      'close',
      ifCurrent(() => this.#close()),
    );
  }

  #callWaiting(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const callback of waiting) callback();
  }
}

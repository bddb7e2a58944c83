import type { Writable } from 'node:stream';
import { AbstractMessageWriter, type Message, type MessageWriter } from 'vscode-jsonrpc/node';
import type { Framing } from './decoder.ts';
import { encodeFrame } from './encode.ts';

/**
 * Writes JSON-RPC messages to a stream, in the order of the calls, never blocking and never throwing.
 * After the stream has broken or ended, what is written is dropped and `onClose` has fired.
 */
export class FrameMessageWriter extends AbstractMessageWriter implements MessageWriter {
  /** How messages are framed; set it before the first one is written. */
  framing: Framing = 'contentLength';

  readonly #stream: Writable;
  readonly #waiting = new Set<() => void>();
  #state: 'open' | 'ending' | 'closed' = 'open';

  constructor(stream: Writable) {
    super();
    this.#stream = stream;
    stream.on('drain', () => this.#release());
    stream.on('finish', () => this.#release());
    stream.on('error', error => {
      this.fireError(error);
      this.#close();
    });
    stream.on('close', () => this.#close());
  }

  write(message: Message): Promise<void> {
    this.writeBody(JSON.stringify(message));
    return Promise.resolve();
  }

  /** Writes what is already JSON, without line breaks. */
  writeBody(json: string): void {
    this.send(encodeFrame(Buffer.from(json), this.framing));
  }

  /** Writes a frame that is already encoded for this framing. */
  send(frame: Buffer): void {
    if (this.#state === 'open') this.#stream.write(frame);
  }

  /** Bytes that are queued here because the other side hasn't read yet; 0 once the stream is closed. */
  get queuedBytes(): number {
    return this.#state === 'closed' ? 0 : this.#stream.writableLength;
  }

  /** Calls back once, when the queue has emptied; at once while so little is queued that the stream takes more. */
  whenDrained(callback: () => void): void {
    if (this.queuedBytes > 0 && this.#stream.writableNeedDrain) this.#waiting.add(callback);
    else callback();
  }

  /** Resolves when all that was written is with the operating system, or never will be. */
  flushed(): Promise<void> {
    if (this.queuedBytes === 0) return Promise.resolve();
    return new Promise(resolve => {
      this.#waiting.add(resolve);
      // No drain comes for a queue that was never long.
      if (this.#state !== 'open') return;
      this.#stream.write(Buffer.alloc(0), () => {
        this.#waiting.delete(resolve);
        resolve();
      });
    });
  }

  /** Ends the stream after what was written. What is written later is dropped. */
  end(): void {
    if (this.#state !== 'open') return;
    // A write after the end would be an error, and destroy the stream with all that is queued.
    this.#state = 'ending';
    this.#stream.end();
  }

  #close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#release();
    this.fireClose();
  }

  #release(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const callback of waiting) callback();
  }
}

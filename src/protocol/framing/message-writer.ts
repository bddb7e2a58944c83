import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { AbstractMessageWriter, type Message, type MessageWriter } from 'vscode-jsonrpc/node';
import { encodeMessage, encodeText } from './encode.ts';
import { type FrameFormat, PLAIN } from './format.ts';
import { FrameMemory } from './frame-memory.ts';

/**
 * Writes JSON-RPC messages to a stream, in the order of the calls, never blocking and never throwing.
 * After the stream has broken or ended, what is written is dropped and `onClose` has fired.
 */
export class FrameMessageWriter extends AbstractMessageWriter implements MessageWriter {
  /** How messages are framed: as the other side does it, and may be told to. */
  format: FrameFormat = PLAIN;

  readonly #stream: Writable;
  readonly #memory: FrameMemory | undefined;
  readonly #waiting = new Set<() => void>();
  #sentBytes = 0;
  #gathering = false;
  #state: 'open' | 'ending' | 'closed' = 'open';

  constructor(stream: Writable) {
    super();
    this.#stream = stream;
    // Any other stream may still have what it says is written, on the way to somebody in this process.
    this.#memory = stream instanceof Socket ? new FrameMemory() : undefined;
    stream.on('drain', () => this.#release());
    stream.on('finish', () => this.#release());
    stream.on('error', error => {
      this.fireError(error);
      this.#close();
    });
    stream.on('close', () => this.#close());
  }

  /** Writes a message. Its params or its result may hold bytes, which nobody may change any more. */
  write(message: Message): Promise<void> {
    const pieces = encodeMessage(message, this.format);
    if (pieces.length > 1) this.#stream.cork();
    for (const piece of pieces) this.send(piece);
    if (pieces.length > 1) this.#stream.uncork();
    return Promise.resolve();
  }

  /** Writes what is already JSON, without line breaks. Several in one turn go out as one. */
  writeBody(json: string): void {
    this.#gather();
    this.send(encodeText(json, this.format.framing));
  }

  /** Memory for a frame of so many bytes, which has to be sent next. */
  allocate(bytes: number): Buffer {
    return this.#memory?.take(bytes) ?? Buffer.allocUnsafe(bytes);
  }

  /** Writes a frame that is already encoded in this format. */
  send(frame: Buffer): void {
    this.#sentBytes += frame.length;
    const memory = this.#memory?.owns(frame) ? this.#memory : undefined;
    if (this.#state !== 'open') memory?.giveBack(frame);
    else if (memory === undefined) this.#stream.write(frame);
    else this.#stream.write(frame, () => memory.giveBack(frame));
  }

  /** All bytes that it was ever given to write. */
  get sentBytes(): number {
    return this.#sentBytes;
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

  /** Holds back what is written in this turn, to be written at once: each write wakes the other side. */
  #gather(): void {
    if (this.#gathering || this.#state !== 'open') return;
    this.#gathering = true;
    this.#stream.cork();
    process.nextTick(() => {
      this.#gathering = false;
      this.#stream.uncork();
    });
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

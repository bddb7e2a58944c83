import { Readable, Writable } from 'node:stream';
import { Replay } from './replay.ts';

/** The two directions of a transport: of ssh, of a socket. */
export type Pipe = {
  readonly input: Readable;
  readonly output: Writable;
};

/** Options of a link; the totals are those of the pipe that is attached first. */
export type LinkOptions = {
  /** Bytes that were received before. */
  readonly receivedBytes: number;
  /** Bytes that were sent before. */
  readonly sentBytes: number;
  /** Limit of the bytes that are kept to be sent again; beyond it, writes wait. One write may exceed it. */
  readonly replayBytes: number;
  /** Called with bytes to the other side that are not kept any more. */
  readonly release?: ((chunk: Buffer) => void) | undefined;
  /** Called when the attached pipe has ended or failed. */
  readonly onDetached: () => void;
  /** Makes the message that acknowledges a total of received bytes. */
  readonly ackFrame: (receivedBytes: number) => Buffer;
};

/** Received bytes after which they are acknowledged. */
const ACK_BYTES = 64 * 1024;

/** Time after which fewer bytes are acknowledged, in milliseconds. */
const ACK_MS = 1000;

/** Maximum length of an acknowledgement on the wire. */
const MAX_ACK_FRAME_BYTES = 128;

/**
 * A byte stream in each direction that outlives the pipe that carries it. Every byte arrives once and in order: both sides
 * count them, keep what the other one has not acknowledged, and continue from the other's count on the next pipe. What the
 * bytes mean is not known here, but that a write ends with a message: acknowledgements are sent between two writes, and do not
 * wait for room. If they did, two sides without room would wait for each other.
 */
export class Link {
  /** Bytes of the other side. Ends with `endInput`, not with a pipe. */
  readonly input: Readable;
  /** Bytes to the other side. */
  readonly output: Writable;

  readonly #options: LinkOptions;
  readonly #replay: Replay;
  #pipe: (Pipe & { readonly release: () => void }) | undefined;
  #receivedBytes: number;
  #acknowledgedBytes: number;
  #ackTimer: NodeJS.Timeout | undefined;
  /** Acknowledgements among the bytes that are not acknowledged. */
  #unacknowledgedAcks = 0;
  /** A write that waits for its pipe, or for room in the replay. */
  #waiting: { done: () => void; sent: boolean } | undefined;
  /** Time of the last byte, by `performance.now()`. */
  #lastReceivedMs = performance.now();

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#receivedBytes = options.receivedBytes;
    this.#acknowledgedBytes = options.receivedBytes;
    this.#replay = new Replay(options.sentBytes, options.release);
    this.input = new Readable({ read: () => this.#resume() });
    this.output = new Writable({
      write: (chunk: Buffer, _, done) => this.#write([chunk], done),
      writev: (chunks, done) =>
        this.#write(
          chunks.map(({ chunk }) => chunk as Buffer),
          done,
        ),
      final: done => {
        if (this.#pipe === undefined) done();
        else this.#pipe.output.end(() => done());
      },
    });
  }

  /** Total of the bytes that have arrived. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  get isAttached(): boolean {
    return this.#pipe !== undefined;
  }

  /** Time since the last byte arrived, in milliseconds; 0 while this side does not read. */
  get silentMs(): number {
    return this.#pipe?.input.isPaused() ? 0 : performance.now() - this.#lastReceivedMs;
  }

  /** Returns true if a pipe to a side that has received so many bytes can be attached. */
  canContinueFrom(totalBytes: number): boolean {
    return this.#replay.covers(totalBytes);
  }

  /**
   * Continues on a pipe, in place of the one before.
   *
   * @param totalBytes bytes that the other side has received; see `canContinueFrom`
   */
  attach(pipe: Pipe, totalBytes: number): void {
    this.detach();
    this.#lastReceivedMs = performance.now();
    this.#replay.acknowledge(totalBytes);
    for (const chunk of this.#replay.chunks) pipe.output.write(chunk);
    // From here on, writes go to the pipe.
    this.#pipe = { ...pipe, release: this.#listen(pipe) };
    this.#finishWrite(false);
    // The events of its end were before.
    if (pipe.input.destroyed || pipe.input.readableEnded || pipe.output.destroyed)
      queueMicrotask(() => this.#ended(pipe));
  }

  /** Sends a message ahead of writes that wait. */
  sendAhead(frame: Buffer): void {
    this.#replay.push(frame);
    this.#pipe?.output.write(frame);
  }

  /** Leaves the pipe, which is not closed. Bytes to the other side are kept. Idempotent. */
  detach(): void {
    this.#pipe?.release();
    this.#pipe = undefined;
    this.#finishWrite(true);
  }

  /** Handles an acknowledgement of the other side, which is not acknowledged itself: that would never end. */
  acknowledged(totalBytes: number): void {
    this.#unacknowledgedAcks += 1;
    this.#replay.acknowledge(totalBytes);
    this.#finishWrite(false);
  }

  /** Ends `input`: nothing will arrive any more. */
  endInput(): void {
    clearTimeout(this.#ackTimer);
    this.input.push(null);
  }

  #listen(pipe: Pipe): () => void {
    const { input, output } = pipe;
    const receive = (chunk: Buffer) => this.#receive(chunk, input);
    const end = () => this.#ended(pipe);
    input.on('data', receive);
    for (const event of ['end', 'close', 'error']) input.on(event, end);
    for (const event of ['close', 'error']) output.on(event, end);
    // It may have been paused by its reader before.
    input.resume();
    return () => {
      input.off('data', receive);
      input.pause();
      for (const event of ['end', 'close']) input.off(event, end);
      output.off('close', end);
      // The listeners of `error` stay: an error that nothing listens to is thrown.
    };
  }

  #resume(): void {
    const input = this.#pipe?.input;
    if (input === undefined) return;
    if (input.isPaused()) this.#lastReceivedMs = performance.now();
    input.resume();
  }

  #receive(chunk: Buffer, input: Readable): void {
    this.#receivedBytes += chunk.length;
    this.#lastReceivedMs = performance.now();
    if (!this.input.push(chunk)) input.pause();
    if (this.#receivedBytes - this.#acknowledgedBytes >= ACK_BYTES) this.#acknowledge();
    this.#acknowledgeLater();
  }

  #acknowledgeLater(): void {
    this.#ackTimer ??= setTimeout(() => this.#acknowledgeRest(), ACK_MS).unref();
  }

  #acknowledgeRest(): void {
    this.#ackTimer = undefined;
    const unacknowledged = this.#receivedBytes - this.#acknowledgedBytes;
    if (this.input.isPaused()) {
      // The other side would take silence for a lost pipe.
      this.#acknowledge();
      if (this.#pipe !== undefined) this.#acknowledgeLater();
    } else if (unacknowledged > this.#unacknowledgedAcks * MAX_ACK_FRAME_BYTES) this.#acknowledge();
  }

  #acknowledge(): void {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    if (this.#pipe === undefined) return;
    this.#acknowledgedBytes = this.#receivedBytes;
    this.#unacknowledgedAcks = 0;
    this.sendAhead(this.#options.ackFrame(this.#receivedBytes));
  }

  #ended(pipe: Pipe): void {
    if (this.#pipe?.input !== pipe.input) return;
    this.detach();
    this.#options.onDetached();
  }

  #write(chunks: readonly Buffer[], done: () => void): void {
    for (const chunk of chunks) this.#replay.push(chunk);
    const write = { done, sent: this.#pipe === undefined };
    this.#waiting = write;
    if (this.#pipe !== undefined) {
      const { output } = this.#pipe;
      output.cork();
      for (const chunk of chunks.slice(0, -1)) output.write(chunk);
      output.write(chunks.at(-1) ?? Buffer.alloc(0), () => {
        write.sent = true;
        this.#finishWrite(false);
      });
      output.uncork();
    }
    this.#finishWrite(false);
  }

  /** Accepts the next write when the last one is on its way and the replay has room. */
  #finishWrite(isDetached: boolean): void {
    const write = this.#waiting;
    if (write === undefined) return;
    write.sent ||= isDetached;
    if (!write.sent || this.#replay.bytes > this.#options.replayBytes) return;
    this.#waiting = undefined;
    write.done();
  }
}

import { BufferPool } from '../../../protocol/framing/buffer-pool.ts';
import type { OutputStream, StreamBytes } from '../../../protocol/process.ts';
import { Fifo } from '../../../system/fifo.ts';
import type { Outlet, OutputSource } from '../../outlet.ts';
import type { Output } from '../child.ts';
import type { Credit } from './credit.ts';
import type { Chunk, HeadTail, KeptChunk } from './head-tail.ts';
import { type PausableReader, PendingOutput } from './pending-output.ts';

/** Receiver of the output, in the order of the calls. */
export type FlowEvents = {
  /** Sends a chunk, whose bytes are valid only during the call; returns its number. */
  output(chunk: Chunk): number;
  /** Reports bytes that were dropped at this point of the output. */
  dropped(bytes: StreamBytes): void;
  /** Everything was sent and all streams have ended. */
  ended(): void;
};

/**
 * Flow of a child's output to the client.
 *
 * Lossless: a stream is read only after its last chunk was sent. While the client does not read, or its credit window is
 * full, the child blocks as on any pipe. With head and tail, streams are always read.
 */
export class OutputFlow implements OutputSource, PausableReader {
  readonly #outlet: Outlet;
  readonly #credit: Credit;
  readonly #headTail: HeadTail | undefined;
  readonly #events: FlowEvents;
  readonly #memory: PendingOutput;
  readonly #streams = new Map<OutputStream, Output>();
  /** Output that was read, but not sent: one chunk of each stream if lossless, otherwise at most head and tail. */
  readonly #pending = new Fifo<KeptChunk | { readonly dropped: StreamBytes }>();
  readonly #bytes = { stdout: 0, stderr: 0, pty: 0 };
  #stalls = 0;
  #queuedForTurn = false;
  #finished = false;
  #ended = false;

  /** @param memory of lossless output that waits for the client */
  constructor(
    outlet: Outlet,
    credit: Credit,
    headTail: HeadTail | undefined,
    events: FlowEvents,
    memory: PendingOutput = new PendingOutput(),
  ) {
    this.#outlet = outlet;
    this.#credit = credit;
    this.#headTail = headTail;
    this.#events = events;
    this.#memory = memory;
    if (headTail === undefined) memory.join(this);
  }

  /** Starts reading. */
  attach(streams: { readonly [Stream in OutputStream]?: Output | null | undefined }): void {
    for (const [name, stream] of Object.entries(streams)) {
      if (stream) this.#streams.set(name as OutputStream, stream);
    }
    for (const [name, stream] of this.#streams) this.#read(name, stream);
  }

  /** True if all streams have ended and everything was sent. */
  get ended(): boolean {
    return this.#ended;
  }

  /** True if output waits for the client, or if reading is paused because of other processes. */
  get stalled(): boolean {
    return this.#pending.length > 0 || !this.#mayRead;
  }

  /** Number of stalls; if it has not changed in an interval, all output of the interval was read without delay. */
  get stalls(): number {
    return this.#stalls;
  }

  /** Bytes sent, by stream. */
  get bytes(): StreamBytes {
    return { ...this.#bytes };
  }

  /** Stops reading, even if other processes still write; output that was read is sent. */
  cut(): void {
    this.#streams.clear();
    this.#finishIfDone();
  }

  acknowledge(seq: number, windowBytes?: number): void {
    this.#credit.acknowledge(seq, windowBytes);
    this.#sendPending();
  }

  pauseReading(): void {
    this.#stalls += 1;
    for (const stream of this.#streams.values()) stream.pause();
  }

  resumeReading(): void {
    const pending = new Set<OutputStream>();
    for (const item of this.#pending) if ('stream' in item) pending.add(item.stream);
    for (const [name, stream] of this.#streams) if (!pending.has(name)) stream.resume();
  }

  sendNext(): boolean {
    this.#queuedForTurn = false;
    if (this.#canSendFirst()) this.#sendFirst();
    this.#queuedForTurn = this.#canSendFirst();
    return this.#queuedForTurn;
  }

  #read(name: OutputStream, stream: Output): void {
    stream.on('data', (bytes: Buffer) => this.#onData(stream, { stream: name, bytes }));
    // A read error is followed by the close, which is all that matters.
    stream.on('error', () => {});
    stream.on('close', () => {
      if (this.#streams.delete(name)) this.#finishIfDone();
    });
    if (this.#mayRead) stream.resume();
  }

  get #mayRead(): boolean {
    return this.#headTail !== undefined || !this.#memory.full;
  }

  #onData(stream: Output, chunk: Chunk): void {
    if (!this.#streams.has(chunk.stream)) return;
    const sendNow =
      this.#pending.length === 0 && this.#outlet.open && this.#credit.allows(chunk.bytes.length);
    if (this.#headTail !== undefined) this.#addToHeadTail(this.#headTail, chunk, sendNow);
    else if (sendNow) this.#send(chunk);
    else {
      stream.pause();
      this.#memory.take(chunk.bytes.length);
      this.#enqueue({ ...chunk, cost: chunk.bytes.length });
    }
  }

  #addToHeadTail(headTail: HeadTail, chunk: Chunk, sendNow: boolean): void {
    const head = headTail.push(chunk, !sendNow);
    if (head === undefined) return;
    if (sendNow) this.#send(head);
    else this.#enqueue(head);
  }

  #enqueue({ stream, bytes, cost }: KeptChunk): void {
    this.#pending.push({ stream, bytes: copyOf(bytes), cost });
    this.#stalls += 1;
    this.#sendPending();
  }

  #release(chunk: KeptChunk): void {
    if (this.#headTail !== undefined) this.#headTail.release(chunk);
    else this.#memory.release(chunk.cost);
  }

  #sendPending(): void {
    while (this.#canSendFirst() && this.#outlet.open) this.#sendFirst();
    if (!this.#queuedForTurn && this.#canSendFirst()) {
      this.#queuedForTurn = true;
      this.#outlet.wait(this);
    }
  }

  #canSendFirst(): boolean {
    const { first } = this.#pending;
    return first !== undefined && ('dropped' in first || this.#credit.allows(first.bytes.length));
  }

  #sendFirst(): void {
    const first = this.#pending.take();
    if (first === undefined) return;
    if ('dropped' in first) {
      this.#events.dropped(first.dropped);
    } else {
      this.#send(first);
      BUFFERS.release(first.bytes);
      this.#release(first);
      if (this.#mayRead) this.#streams.get(first.stream)?.resume();
    }
    this.#finishIfDone();
  }

  #send(chunk: Chunk): void {
    this.#bytes[chunk.stream] += chunk.bytes.length;
    this.#credit.sent(this.#events.output(chunk), chunk.bytes.length);
  }

  #finishIfDone(): void {
    if (this.#streams.size > 0) return;
    if (!this.#finished) {
      this.#finished = true;
      const { dropped, tail } = this.#headTail?.finish() ?? { dropped: undefined, tail: [] };
      if (dropped !== undefined) this.#pending.push({ dropped });
      for (const chunk of tail) this.#pending.push(chunk);
      this.#sendPending();
    }
    if (this.#pending.length > 0 || this.#ended) return;
    this.#ended = true;
    this.#memory.leave(this);
    this.#events.ended();
  }
}

/** Copies a chunk, whose bytes are valid only while it is handled. For a slow client that is most of the output. */
const copyOf = (bytes: Buffer): Buffer => {
  const copy = bytes.length < LONG_BYTES ? Buffer.allocUnsafe(bytes.length) : BUFFERS.acquire(bytes.length);
  bytes.copy(copy);
  return copy;
};

const BUFFERS = new BufferPool();
// Buffers of the pool are large: for a short chunk, which may wait for long, one would waste more memory than it saves.
const LONG_BYTES = 48 * 1024;

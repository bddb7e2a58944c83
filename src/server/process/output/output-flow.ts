import { FrameMemory } from '../../../protocol/framing/frame-memory.ts';
import type { OutputStream, StreamBytes } from '../../../protocol/process.ts';
import { Fifo } from '../../../system/fifo.ts';
import type { Outlet, OutputSource } from '../../outlet.ts';
import type { Output } from '../child.ts';
import type { Credit } from './credit.ts';
import type { Chunk, HeadTail, KeptChunk } from './head-tail.ts';
import { PendingOutput, type Reading } from './pending-output.ts';

/** Where output goes from here, in the order of the calls. */
export type FlowEvents = {
  /** Sends a chunk, whose bytes are good during the call only; returns its number. */
  output(chunk: Chunk): number;
  /** Tells that so much was dropped at this place. */
  dropped(bytes: StreamBytes): void;
  /** Everything was sent, and nothing more will come. */
  ended(): void;
};

/**
 * Carries a child's streams to the client.
 *
 * Lossless, a stream is read only when its last chunk could be sent; while the client reads nothing, or has
 * used up its credit, the child blocks as it would on a pipe. With head and tail it is read always.
 */
export class OutputFlow implements OutputSource, Reading {
  readonly #outbound: Outlet;
  readonly #credit: Credit;
  readonly #headTail: HeadTail | undefined;
  readonly #events: FlowEvents;
  readonly #memory: PendingOutput;
  readonly #streams = new Map<OutputStream, Output>();
  /** Read, not yet sent: lossless one chunk of each stream, otherwise at most the head and the tail. */
  readonly #pending = new Fifo<KeptChunk | { readonly dropped: StreamBytes }>();
  readonly #bytes = { stdout: 0, stderr: 0, pty: 0 };
  #stalls = 0;
  #waiting = false;
  #finished = false;
  #ended = false;

  /** @param memory where lossless output counts that waits for the client */
  constructor(
    outbound: Outlet,
    credit: Credit,
    headTail: HeadTail | undefined,
    events: FlowEvents,
    memory: PendingOutput = new PendingOutput(),
  ) {
    this.#outbound = outbound;
    this.#credit = credit;
    this.#headTail = headTail;
    this.#events = events;
    this.#memory = memory;
    if (headTail === undefined) memory.join(this);
  }

  /** Begins to read. */
  attach(streams: { readonly [Stream in OutputStream]?: Output | null | undefined }): void {
    for (const [name, stream] of Object.entries(streams)) {
      if (stream) this.#streams.set(name as OutputStream, stream);
    }
    for (const [name, stream] of this.#streams) this.#read(name, stream);
  }

  /** Whether every stream has ended and everything was sent. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether something was read that the client isn't ready for, or nothing is read because of others. */
  get stalled(): boolean {
    return this.#pending.length > 0 || !this.#mayRead;
  }

  /** How often that has happened; unchanged, everything that was written meanwhile was read at once. */
  get stalls(): number {
    return this.#stalls;
  }

  /** Bytes sent of each stream. */
  get bytes(): StreamBytes {
    return { ...this.#bytes };
  }

  /** Reads no further, whoever still writes; what was read is sent. */
  cut(): void {
    this.#streams.clear();
    this.#finishIfDone();
  }

  acknowledge(seq: number): void {
    this.#credit.acknowledge(seq);
    this.#sendWhatMayBe();
  }

  pauseReading(): void {
    this.#stalls += 1;
    for (const stream of this.#streams.values()) stream.pause();
  }

  resumeReading(): void {
    const waiting = new Set<OutputStream>();
    for (const item of this.#pending) if ('stream' in item) waiting.add(item.stream);
    for (const [name, stream] of this.#streams) if (!waiting.has(name)) stream.resume();
  }

  sendNext(): boolean {
    this.#waiting = false;
    if (this.#mayGo()) this.#sendFirst();
    this.#waiting = this.#mayGo();
    return this.#waiting;
  }

  #read(name: OutputStream, stream: Output): void {
    stream.on('data', (bytes: Buffer) => this.#onData(stream, { stream: name, bytes }));
    // A read error comes before the close and says no more than that nothing else will come.
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
    const goes = this.#pending.length === 0 && this.#outbound.open && this.#credit.allows(chunk.bytes.length);
    if (this.#headTail !== undefined) this.#onHeadTail(this.#headTail, chunk, goes);
    else if (goes) this.#send(chunk);
    else {
      stream.pause();
      this.#memory.take(chunk.bytes.length);
      this.#wait({ ...chunk, cost: chunk.bytes.length });
    }
  }

  #onHeadTail(headTail: HeadTail, chunk: Chunk, goes: boolean): void {
    const head = headTail.push(chunk, !goes);
    if (head === undefined) return;
    if (goes) this.#send(head);
    else this.#wait(head);
  }

  #wait({ stream, bytes, cost }: KeptChunk): void {
    this.#pending.push({ stream, bytes: keep(bytes), cost });
    this.#stalls += 1;
    this.#sendWhatMayBe();
  }

  #release(chunk: KeptChunk): void {
    if (this.#headTail !== undefined) this.#headTail.release(chunk);
    else this.#memory.release(chunk.cost);
  }

  #sendWhatMayBe(): void {
    while (this.#mayGo() && this.#outbound.open) this.#sendFirst();
    if (!this.#waiting && this.#mayGo()) {
      this.#waiting = true;
      this.#outbound.wait(this);
    }
  }

  #mayGo(): boolean {
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
      MEMORY.giveBack(first.bytes);
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
      this.#sendWhatMayBe();
    }
    if (this.#pending.length > 0 || this.#ended) return;
    this.#ended = true;
    this.#memory.leave(this);
    this.#events.ended();
  }
}

/** A copy of what was read, whose memory is good for now only; a client that is slow makes one of most of it. */
const keep = (bytes: Buffer): Buffer => {
  const kept = bytes.length < LONG_BYTES ? Buffer.allocUnsafe(bytes.length) : MEMORY.take(bytes.length);
  bytes.copy(kept);
  return kept;
};

const MEMORY = new FrameMemory();
// Of a short one more memory would be lost than is saved: it may have to wait for long.
const LONG_BYTES = 48 * 1024;

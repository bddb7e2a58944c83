import type { Readable } from 'node:stream';
import type { OutputStream } from '../../protocol/process.ts';
import type { Outbound } from '../outbound.ts';

/** Bytes taken from each stream of a process so far. */
export type StreamBytes = { readonly [Stream in OutputStream]: number };

/**
 * Carries a child's streams to the client. While the client doesn't read, the streams aren't read either,
 * so the child blocks as it would on a pipe.
 */
export class OutputPump {
  readonly #outbound: Outbound;
  readonly #streams = new Map<OutputStream, Readable>();
  readonly #bytes = { stdout: 0, stderr: 0, pty: 0 };
  readonly #onChunk: (stream: OutputStream, chunk: Buffer) => void;
  readonly #onEnded: () => void;
  #waiting = false;

  /**
   * @param onChunk called for each chunk in the order of arrival
   * @param onEnded called once, when every stream has ended
   */
  constructor(
    outbound: Outbound,
    onChunk: (stream: OutputStream, chunk: Buffer) => void,
    onEnded: () => void,
  ) {
    this.#outbound = outbound;
    this.#onChunk = onChunk;
    this.#onEnded = onEnded;
  }

  /** Begins to read the given streams. */
  attach(streams: { readonly [Stream in OutputStream]?: Readable | null }): void {
    for (const [name, stream] of Object.entries(streams)) {
      if (stream) this.#streams.set(name as OutputStream, stream);
    }
    for (const [name, stream] of this.#streams) this.#read(name, stream);
  }

  /** Whether every stream has ended. */
  get ended(): boolean {
    return this.#streams.size === 0;
  }

  get bytes(): StreamBytes {
    return { ...this.#bytes };
  }

  #read(name: OutputStream, stream: Readable): void {
    stream.on('data', (chunk: Buffer) => {
      this.#bytes[name] += chunk.length;
      this.#onChunk(name, chunk);
      this.#pace();
    });
    // A read error comes before the close and says no more than that nothing else will come.
    stream.on('error', () => {});
    stream.on('close', () => {
      if (this.#streams.delete(name) && this.ended) this.#onEnded();
    });
  }

  #pace(): void {
    if (!this.#outbound.congested) return;
    for (const stream of this.#streams.values()) stream.pause();
    if (this.#waiting) return;
    this.#waiting = true;
    this.#outbound.whenDrained(() => {
      this.#waiting = false;
      for (const stream of this.#streams.values()) stream.resume();
    });
  }
}

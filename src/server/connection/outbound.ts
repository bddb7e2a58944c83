import type { NotificationSpec, ParamsIn } from '../../protocol/define.ts';
import type { FrameMessageWriter } from '../../protocol/framing/message-writer.ts';
import { outputEncoder } from '../../protocol/framing/output-encoder.ts';
import type { OutputStream } from '../../protocol/process.ts';
import { FairQueue } from './fair-queue.ts';
import { HEAD_START_BYTES, OUTPUT_HIGH_WATER_BYTES } from './limits.ts';

/** Something with output to send, when its turn comes. */
export type OutputSource = {
  /** Sends one chunk if there is one; tells whether there is another. */
  sendNext(): boolean;
};

/**
 * What the server sends unasked. Notifications go at once; output waits for its turn while the client
 * doesn't keep up. Whose turn it is goes by bytes, so that little output doesn't wait behind much.
 */
export class Outbound {
  readonly #writer: FrameMessageWriter;
  readonly #waiting = new FairQueue<OutputSource>(HEAD_START_BYTES);
  #called = false;

  constructor(writer: FrameMessageWriter) {
    this.#writer = writer;
  }

  /** Sends a notification. On a closed connection nothing happens. */
  notify<Spec extends NotificationSpec>(spec: Spec, params: ParamsIn<Spec>): void {
    this.#writer.writeBody(JSON.stringify({ jsonrpc: '2.0', method: spec.method, params }));
  }

  /** Makes what sends the output of one stream of a process, in frames of its own. */
  outputSender(processId: string, stream: OutputStream): (seq: number, chunk: Buffer) => void {
    const encode = outputEncoder(processId, stream, this.#writer.format, bytes =>
      this.#writer.allocate(bytes),
    );
    return (seq, chunk) => this.#writer.send(encode(seq, chunk));
  }

  /** Resolves when the client has read what is queued now, or never will. */
  flushed(): Promise<void> {
    return this.#writer.flushed();
  }

  /** Whether output may be sent now; otherwise its source has to wait for its turn. */
  get open(): boolean {
    return this.#waiting.size === 0 && !this.#congested;
  }

  /** Calls `source.sendNext` as soon as the client has read enough. */
  wait(source: OutputSource): void {
    if (this.#waiting.size === 0) this.#whenDrained();
    this.#waiting.add(source);
  }

  get #congested(): boolean {
    return this.#writer.queuedBytes > OUTPUT_HIGH_WATER_BYTES;
  }

  /** Serves when all that is queued is gone, however much the stream itself would still take. */
  #whenDrained(): void {
    if (this.#called) return;
    this.#called = true;
    void this.#writer.flushed().then(() => {
      this.#called = false;
      this.#serve();
    });
  }

  #serve(): void {
    while (!this.#congested) {
      const source = this.#waiting.take();
      if (source === undefined) break;
      const before = this.#writer.sentBytes;
      const more = source.sendNext();
      this.#waiting.charge(source, this.#writer.sentBytes - before);
      if (more) this.#waiting.add(source);
    }
    if (this.#waiting.size > 0) this.#whenDrained();
  }
}

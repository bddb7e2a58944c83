import type { NotificationSpec, ParamsIn } from '../../protocol/define.ts';
import type { FrameMessageWriter } from '../../protocol/framing/message-writer.ts';
import { outputEncoder } from '../../protocol/framing/output-encoder.ts';
import type { OutputStream } from '../../protocol/process.ts';
import { afterFlush } from '../memory/backlog.ts';
import type { Outlet, OutputSource } from '../outlet.ts';
import { FairQueue } from './fair-queue.ts';
import { HEAD_START_BYTES, OUTPUT_HIGH_WATER_BYTES } from './limits.ts';

/**
 * Outgoing notifications and output of one connection. A notification is sent immediately; output waits while the
 * client does not keep up, in a fair queue by bytes, so that little output does not wait behind much.
 */
export class Outbound implements Outlet {
  readonly #writer: FrameMessageWriter;
  readonly #waiting = new FairQueue<OutputSource>(HEAD_START_BYTES);
  /** Waits until the whole queue is written, even where the stream itself would take more. */
  readonly #serveAfterFlush: () => void;

  constructor(writer: FrameMessageWriter) {
    this.#writer = writer;
    this.#serveAfterFlush = afterFlush(writer, () => this.#serve());
  }

  notify<Spec extends NotificationSpec>(spec: Spec, params: ParamsIn<Spec>): void {
    this.#writer.writeBody(JSON.stringify({ jsonrpc: '2.0', method: spec.method, params }));
  }

  outputSender(processId: string, stream: OutputStream): (seq: number, chunk: Buffer) => void {
    const encode = outputEncoder(processId, stream, this.#writer.format, bytes =>
      this.#writer.allocate(bytes),
    );
    return (seq, chunk) => this.#writer.send(encode(seq, chunk));
  }

  get queuedBytes(): number {
    return this.#writer.queuedBytes;
  }

  flushed(): Promise<void> {
    return this.#writer.flushed();
  }

  get open(): boolean {
    return this.#waiting.size === 0 && !this.#congested;
  }

  wait(source: OutputSource): void {
    if (this.#waiting.size === 0) this.#serveAfterFlush();
    this.#waiting.add(source);
  }

  get #congested(): boolean {
    return this.#writer.queuedBytes > OUTPUT_HIGH_WATER_BYTES;
  }

  #serve(): void {
    while (!this.#congested) {
      const source = this.#waiting.take();
      if (source === undefined) break;
      const before = this.#writer.sentBytes;
      const hasMore = source.sendNext();
      this.#waiting.charge(source, this.#writer.sentBytes - before);
      if (hasMore) this.#waiting.add(source);
    }
    if (this.#waiting.size > 0) this.#serveAfterFlush();
  }
}

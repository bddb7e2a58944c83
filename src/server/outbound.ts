import type { NotificationSpec, ParamsIn } from '../protocol/define.ts';
import { encodeFrame } from '../protocol/framing/encode.ts';
import type { FrameMessageWriter } from '../protocol/framing/message-writer.ts';
import { OUTPUT_HIGH_WATER_BYTES } from './limits.ts';

/** What the server sends unasked: frames in the order of the calls, and word of when to hold back. */
export class Outbound {
  readonly #writer: FrameMessageWriter;

  constructor(writer: FrameMessageWriter) {
    this.#writer = writer;
  }

  /** Sends a notification. On a closed connection nothing happens. */
  notify<Spec extends NotificationSpec>(spec: Spec, params: ParamsIn<Spec>): void {
    const message = { jsonrpc: '2.0', method: spec.method, params };
    this.#writer.send(encodeFrame(Buffer.from(JSON.stringify(message))));
  }

  /** Sends a frame that is already encoded. */
  send(frame: Buffer): void {
    this.#writer.send(frame);
  }

  /** Whether so much is queued that nobody should read more output from children. */
  get congested(): boolean {
    return this.#writer.queuedBytes > OUTPUT_HIGH_WATER_BYTES;
  }

  /** Calls back once, when the queue has emptied. */
  whenDrained(callback: () => void): void {
    this.#writer.whenDrained(callback);
  }
}

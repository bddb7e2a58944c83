import { Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FrameMessageWriter } from '../../../src/protocol/framing/message-writer.ts';

/** Any notification, as it came. */
export type Told = {
  readonly method: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
  readonly params: any;
};

/** The other end of a connection: it reads everything, nothing, or as much as requested. */
export class SlowClient {
  readonly stream: Writable;
  readonly writer: FrameMessageWriter;
  readonly frames: Buffer[] = [];
  #reading = true;
  #read: (() => void) | undefined;

  constructor(highWaterMark?: number) {
    this.stream = new Writable({
      highWaterMark,
      write: (frame: Buffer, _encoding, done) => {
        this.#read = () => {
          if (frame.length > 0) this.frames.push(frame);
          done();
        };
        if (this.#reading) this.readOne();
      },
    });
    this.writer = new FrameMessageWriter(this.stream);
  }

  /** What it has read, as messages: each frame is one write. */
  get messages(): Told[] {
    return this.frames.map(frame => {
      const { method, params } = JSON.parse(frame.toString().replace(/^[\s\S]*?\r\n\r\n/, ''));
      return { method, params };
    });
  }

  /** Reads no further. */
  stall(): void {
    this.#reading = false;
  }

  /** Reads all that is there and what comes. */
  resume(): void {
    this.#reading = true;
    this.readOne();
  }

  /** Reads one frame, if one is there. */
  readOne(): void {
    const read = this.#read;
    this.#read = undefined;
    read?.();
  }
}

/** Lets everything happen that waits for nothing but its turn. */
export const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await nextTurn();
};

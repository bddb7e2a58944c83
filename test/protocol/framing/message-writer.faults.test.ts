import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import fc from 'fast-check';
import { FrameMessageWriter } from '../../../src/protocol/framing/message-writer.ts';
import { frame, latin1, settled } from './support.ts';

const recordingWriter = (stream: Writable) => {
  const writer = new FrameMessageWriter(stream);
  const events: string[] = [];
  writer.onError(([error]) => events.push(error.message));
  writer.onClose(() => events.push('closed'));
  return { writer, events };
};

/** Distinct frames with bodies of these lengths. */
const framesOf = (lengths: readonly number[]): Buffer[] =>
  lengths.map((length, at) => latin1(frame(String.fromCharCode(97 + (at % 26)).repeat(length))));

describe('FrameMessageWriter', () => {
  (process.platform === 'win32' ? describe.skip : describe)('on a pipe of the kernel', () => {
    let directory: string;
    let reader: number;
    let stream: Socket;

    beforeEach(() => {
      directory = mkdtempSync(join(tmpdir(), 'message-writer-test-'));
      const path = join(directory, 'pipe');
      execFileSync('mkfifo', [path]);
      reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
      // Opened as the server opens its stdout.
      stream = new Socket({ fd, readable: false, writable: true });
    });

    afterEach(async () => {
      stream.destroy();
      await settled();
      rmSync(directory, { recursive: true });
    });

    /** Reads the bytes that are available, up to a maximum. */
    const read = (atMost: number): Buffer => {
      const bytes = Buffer.alloc(atMost);
      try {
        return bytes.subarray(0, readSync(reader, bytes));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return Buffer.alloc(0);
        throw error;
      }
    };

    it('continues in the middle of a frame after the pipe was full', async () => {
      const { writer, events } = recordingWriter(stream);
      const frames = framesOf([3, 400_000, 0, 70_000, 12, 300_000]);
      for (const bytes of frames) writer.send(bytes);
      await settled();
      const first = read(1_000_000);
      // The second frame has not been written completely.
      const stopped = { early: first.length < 400_000, queued: writer.queuedBytes > 400_000 };
      const received = [first];
      const all = Buffer.concat(frames);
      for (let left = all.length - first.length; left > 0; ) {
        const chunk = read(9_973);
        received.push(chunk);
        left -= chunk.length;
        if (chunk.length === 0) await nextTurn();
      }
      await writer.flushed();
      closeSync(reader);
      expect(stopped).to.deep.equal({ early: true, queued: true });
      expect(Buffer.concat(received).equals(all)).to.equal(true);
      expect([writer.queuedBytes, events]).to.deep.equal([0, []]);
    });

    it('closes once if its reader exits in the middle of a frame', async () => {
      const { writer, events } = recordingWriter(stream);
      for (const bytes of framesOf([400_000, 5])) writer.send(bytes);
      await settled();
      const begun = read(100).length;
      const flushed = writer.flushed();
      let drained = 0;
      writer.whenDrained(() => (drained += 1));
      closeSync(reader);
      await flushed;
      await settled();
      for (const bytes of framesOf([400_000, 5])) writer.send(bytes);
      await writer.flushed();
      writer.end();
      await settled();
      expect({ begun, drained, events, queued: writer.queuedBytes }).to.deep.equal({
        begun: 100,
        drained: 1,
        events: ['write EPIPE', 'closed'],
        queued: 0,
      });
    });
  });

  describe('on a stream that is full or fails at any byte', () => {
    const lengths = fc.array(fc.oneof(fc.nat(40), fc.nat(3000)), { minLength: 1, maxLength: 12 });
    const places = fc.array(fc.nat(20_000), { maxLength: 12 });

    it('sends every byte once and in order, however often the stream is full', async () => {
      await fc.assert(
        fc.asyncProperty(lengths, places, fc.integer({ min: 1, max: 5000 }), async (sizes, stops, mark) => {
          const pipe = new FaultyPipe(mark, stops);
          const { writer, events } = recordingWriter(pipe);
          const frames = framesOf(sizes);
          for (const bytes of frames) writer.send(bytes);
          await writer.flushed();
          expect(pipe.text).to.equal(Buffer.concat(frames).toString());
          expect([writer.queuedBytes, events]).to.deep.equal([0, []]);
        }),
      );
    });

    it('reports one error and one close, and sends nothing after the byte where it failed', async () => {
      await fc.assert(
        fc.asyncProperty(lengths, places, fc.nat(1_000_000), async (sizes, stops, at) => {
          const frames = framesOf(sizes);
          const all = Buffer.concat(frames).toString();
          const end = at % all.length;
          const pipe = new FaultyPipe(1000, stops, end);
          const { writer, events } = recordingWriter(pipe);
          for (const bytes of frames) {
            writer.send(bytes);
            await nextTurn();
          }
          await writer.flushed();
          await settled();
          writer.send(Buffer.from('late'));
          writer.end();
          await settled();
          expect({ text: pipe.text, events, queued: writer.queuedBytes }).to.deep.equal({
            text: all.slice(0, end),
            events: ['write EPIPE', 'closed'],
            queued: 0,
          });
        }),
      );
    });
  });
});

/** A pipe that is full for a turn of the event loop at some offsets, and has lost its reader at another. */
class FaultyPipe extends Writable {
  readonly #stops: readonly number[];
  readonly #end: number;
  readonly #taken: Buffer[] = [];
  #at = 0;

  constructor(highWaterMark: number, stops: readonly number[], end = Number.POSITIVE_INFINITY) {
    super({ highWaterMark });
    this.#stops = stops;
    this.#end = end;
  }

  get text(): string {
    return Buffer.concat(this.#taken).toString();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error) => void): void {
    const next = Math.min(this.#end, ...this.#stops.filter(stop => stop > this.#at));
    const part = chunk.subarray(0, next - this.#at);
    this.#taken.push(part);
    this.#at += part.length;
    if (part.length === chunk.length && this.#at < this.#end) done();
    else if (this.#at >= this.#end) done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    else setImmediate(() => this._write(chunk.subarray(part.length), encoding, done));
  }
}

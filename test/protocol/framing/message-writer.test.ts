import { PassThrough, Writable } from 'node:stream';
import { expect } from 'chai';
import { FrameMessageWriter } from '../../../src/protocol/framing/message-writer.ts';
import { frame, latin1, settled } from './support.ts';

/** A stream that accepts nothing until it is opened, and records what it has accepted. */
class Gate extends Writable {
  readonly taken: Buffer[] = [];
  #passing: (() => void) | undefined;
  #open = false;

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const pass = () => {
      this.taken.push(chunk);
      done();
    };
    if (this.#open) pass();
    else this.#passing = pass;
  }

  open(): void {
    this.#open = true;
    this.#passing?.();
  }

  get text(): string {
    return Buffer.concat(this.taken).toString();
  }
}

const recordingWriter = (stream: Writable) => {
  const events: string[] = [];
  const writer = new FrameMessageWriter(stream);
  writer.onError(([error]) => events.push(error.message));
  writer.onClose(() => events.push('closed'));
  return { writer, events };
};

/** True if a promise settles without further I/O. */
const isSettled = async (promise: Promise<unknown>): Promise<boolean> => {
  let done = false;
  void promise.then(() => {
    done = true;
  });
  await settled();
  return done;
};

const BIG = Buffer.alloc(1024 * 1024);

describe('FrameMessageWriter', () => {
  it('joins the bodies of one turn, in order with the rest, and writes them in the same turn', async () => {
    const writes: string[] = [];
    const stream = new Writable({
      writev: (chunks, done) => {
        writes.push(chunks.map(({ chunk }) => String(chunk).replace(/^[^{]*/, '')).join(''));
        done();
      },
    });
    const { writer } = recordingWriter(stream);
    writer.writeBody('{"a":1}');
    writer.writeBody('{"a":2}');
    writer.send(latin1(frame('{"a":3}')));
    void writer.write({ jsonrpc: '2.0' });
    await Promise.resolve();
    writer.writeBody('{"a":4}');
    await settled();
    expect(writes).to.deep.equal(['{"a":1}{"a":2}{"a":3}{"jsonrpc":"2.0"}', '{"a":4}']);
  });

  it('writes messages and frames in the order of the calls', async () => {
    const gate = new Gate();
    const { writer } = recordingWriter(gate);
    const message = (method: string) => ({ jsonrpc: '2.0', method });
    void writer.write(message('first'));
    writer.send(latin1(frame('second')));
    void writer.write(message('ä'));
    gate.open();
    await writer.flushed();
    expect(gate.text).to.equal(
      'Content-Length: 34\r\n\r\n{"jsonrpc":"2.0","method":"first"}' +
        'Content-Length: 6\r\n\r\nsecond' +
        'Content-Length: 31\r\n\r\n{"jsonrpc":"2.0","method":"ä"}',
    );
  });

  it('does not make its caller wait', async () => {
    const { writer } = recordingWriter(new Gate());
    expect(await isSettled(writer.write({ jsonrpc: '2.0' }))).to.equal(true);
  });

  describe('queuedBytes', () => {
    it('counts the bytes that the stream has not accepted', async () => {
      const gate = new Gate();
      const { writer } = recordingWriter(gate);
      expect(writer.queuedBytes).to.equal(0);
      writer.send(BIG);
      writer.send(Buffer.alloc(5));
      expect(writer.queuedBytes).to.equal(BIG.length + 5);
      gate.open();
      await writer.flushed();
      expect(writer.queuedBytes).to.equal(0);
    });

    it('counts the bytes in the queue after the end', () => {
      const { writer } = recordingWriter(new Gate());
      writer.send(BIG);
      writer.end();
      expect(writer.queuedBytes).to.equal(BIG.length);
    });

    it('is 0 on a stream that has failed', async () => {
      const gate = new Gate();
      const { writer } = recordingWriter(gate);
      writer.send(BIG);
      gate.destroy();
      await settled();
      expect(writer.queuedBytes).to.equal(0);
    });
  });

  describe('whenDrained', () => {
    it('calls back immediately if the queue is empty', () => {
      let calls = 0;
      recordingWriter(new Gate()).writer.whenDrained(() => (calls += 1));
      expect(calls).to.equal(1);
    });

    it('calls back once, when the queue is empty', async () => {
      const gate = new Gate();
      const { writer } = recordingWriter(gate);
      const queued: number[] = [];
      writer.send(BIG);
      writer.whenDrained(() => queued.push(writer.queuedBytes));
      await settled();
      expect(queued).to.deep.equal([]);
      gate.open();
      await settled();
      writer.send(BIG);
      await settled();
      expect(queued).to.deep.equal([0]);
    });

    it('calls back when the stream fails', async () => {
      const gate = new Gate();
      const { writer } = recordingWriter(gate);
      let calls = 0;
      writer.send(BIG);
      writer.whenDrained(() => (calls += 1));
      gate.destroy();
      await settled();
      expect(calls).to.equal(1);
    });
  });

  describe('flushed', () => {
    for (const [title, bytes] of Object.entries({ 'a long queue': BIG, 'a short queue': Buffer.alloc(10) })) {
      it(`resolves when all of ${title} is accepted`, async () => {
        const gate = new Gate();
        const { writer } = recordingWriter(gate);
        writer.send(bytes);
        const flushed = writer.flushed();
        expect(await isSettled(flushed)).to.equal(false);
        gate.open();
        await flushed;
        expect(gate.text).to.have.lengthOf(bytes.length);
      });

      it(`resolves when all of ${title} is accepted after the end`, async () => {
        const gate = new Gate();
        const { writer } = recordingWriter(gate);
        writer.send(bytes);
        writer.end();
        const flushed = writer.flushed();
        expect(await isSettled(flushed)).to.equal(false);
        gate.open();
        await flushed;
        expect(gate.text).to.have.lengthOf(bytes.length);
      });

      it(`resolves when the stream fails with ${title}`, async () => {
        const gate = new Gate();
        const { writer } = recordingWriter(gate);
        writer.send(bytes);
        const flushed = writer.flushed();
        gate.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
        await flushed;
      });
    }

    it('resolves after the end of a stream that never closes', async () => {
      const gate = new Gate({ autoDestroy: false });
      const { writer } = recordingWriter(gate);
      writer.send(BIG);
      writer.end();
      const flushed = writer.flushed();
      gate.open();
      await flushed;
    });

    it('resolves immediately if the queue is empty, before and after the stream has closed', async () => {
      const stream = new PassThrough();
      const { writer } = recordingWriter(stream);
      await writer.flushed();
      stream.destroy();
      await settled();
      await writer.flushed();
    });
  });

  it('sends its queue before it ends, and drops later messages', async () => {
    const gate = new Gate();
    const { writer, events } = recordingWriter(gate);
    writer.send(latin1('queued'));
    writer.end();
    writer.send(latin1('late'));
    void writer.write({ jsonrpc: '2.0' });
    writer.end();
    gate.open();
    await settled();
    expect({ text: gate.text, events }).to.deep.equal({ text: 'queued', events: ['closed'] });
  });

  it('reports one error and one close, and never throws afterwards', async () => {
    const gate = new Gate();
    const { writer, events } = recordingWriter(gate);
    writer.send(BIG);
    gate.destroy(new Error('write EPIPE'));
    // The stream has failed, but has not emitted the error yet.
    writer.send(BIG);
    await settled();
    writer.send(BIG);
    await writer.write({ jsonrpc: '2.0' });
    writer.end();
    await writer.flushed();
    await settled();
    expect(events).to.deep.equal(['write EPIPE', 'closed']);
  });
});

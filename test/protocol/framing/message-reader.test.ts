import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { PassThrough, type Readable } from 'node:stream';
import { expect } from 'chai';
import fc from 'fast-check';
import { createMessageConnection, NullLogger } from 'vscode-jsonrpc/node';
import { type ExecServerError, limitExceeded } from '../../../src/protocol/errors.ts';
import { FrameMessageReader } from '../../../src/protocol/framing/message-reader.ts';
import { FrameMessageWriter } from '../../../src/protocol/framing/message-writer.ts';
import { MAX_RESYNC_BYTES, MAX_UNDISPATCHED_MESSAGES } from '../../../src/protocol/limits.ts';
import { until } from '../../support/until.ts';
import { cut, cuts, decode, endingStream, frame, latin1, settled } from './support.ts';

const json = (value: unknown): string => frame(JSON.stringify(value));
const call = (id: number | string) => ({ id, method: 'm' });
const calls = (count: number): string => Array.from({ length: count }, (_, id) => json(call(id))).join('');

/** A reader that records its events in order. Messages are dispatched only if `dispatching`. */
const recordingReader = (
  stream: Readable,
  { dispatching = false, maxFrameBytes = 1000, batches = false } = {},
) => {
  const events: unknown[] = [];
  const reader: FrameMessageReader = new FrameMessageReader(
    stream,
    {
      refused: (error, id) => events.push({ refused: error.message, id }),
      lost: reason => events.push({ lost: reason }),
      ...(batches && { batch: (batch, begun) => void events.push({ batch }, begun) }),
    },
    { maxFrameBytes },
  );
  reader.onError(error => events.push({ error: error.message }));
  reader.onClose(() => events.push('closed'));
  const listening = reader.listen(message => {
    events.push(message);
    if (dispatching) reader.dispatched();
  });
  return { reader, events, listening };
};

/** The events of a reader for these chunks, if each message is dispatched immediately. */
const eventsOf = async (chunks: readonly Buffer[]): Promise<unknown[]> => {
  const stream = endingStream(chunks);
  const ended = once(stream, 'end');
  const { events } = recordingReader(stream, { dispatching: true });
  await ended;
  return events;
};

describe('FrameMessageReader', () => {
  it('delivers messages in order, reports what is not a message, and closes at the end', async () => {
    const stream = [
      json(call(1)),
      frame('{"id":7}'),
      frame('nonsense'),
      'no header\n',
      frame(' '.repeat(1001)),
      json(call(2)),
    ];
    expect(await eventsOf([latin1(stream.join(''))])).to.deep.equal([
      call(1),
      { refused: 'method: expected a string, but it is missing', id: 7 },
      { refused: 'the body is not valid JSON', id: null },
      { refused: 'expected a header field, received "no header"', id: null },
      { refused: 'the frame has 1001 bytes; the limit is 1000', id: null },
      call(2),
      'closed',
    ]);
  });

  it('reports the same whatever the chunks are', async () => {
    const part = fc.oneof(
      fc.nat().map(id => json(call(id))),
      fc.constantFrom(frame('[]'), frame('{'), 'noise\n', '\n', frame('x'.repeat(1001))),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 8 }), cuts, async (parts, places) => {
        const bytes = latin1(parts.join(''));
        expect(await eventsOf(cut(bytes, places))).to.deep.equal(await eventsOf([bytes]));
      }),
      { numRuns: 50 },
    );
  });

  it('delivers a batch in its place, and the next message once the batch was started', async () => {
    const stream = new PassThrough();
    const { reader, events } = recordingReader(stream, { batches: true });
    stream.write(json(call(1)) + json([call(2), call(3)]) + json(call(4)));
    await settled();
    expect(events).to.deep.equal([call(1)]);
    reader.dispatched();
    const begun = events.pop() as () => void;
    expect(events).to.deep.equal([call(1), { batch: [call(2), call(3)] }]);
    begun();
    expect(events).to.deep.equal([call(1), { batch: [call(2), call(3)] }, call(4)]);
  });

  it('refuses a batch if there is no handler for batches', async () => {
    expect(await eventsOf([latin1(json([call(1)]) + json(call(2)))])).to.deep.equal([
      { refused: 'batches are not supported here', id: null },
      call(2),
      'closed',
    ]);
  });

  it('detects the framing if there is a handler for that', async () => {
    const read = async (text: string) => {
      const stream = endingStream([latin1(text)]);
      const events: unknown[] = [];
      const reader: FrameMessageReader = new FrameMessageReader(
        stream,
        { refused: error => events.push(error.message), lost: reason => events.push(reason) },
        { onDetected: framing => events.push(framing), maxFrameBytes: 100 },
      );
      reader.listen(message => {
        events.push(message);
        reader.dispatched();
      });
      await once(stream, 'end');
      return events;
    };
    const lines = `${JSON.stringify(call(1))}\n${' '.repeat(101)}\n${JSON.stringify(call(2))}\n`;
    const tooLong = 'the frame has 101 bytes; the limit is 100';
    expect(await read(lines)).to.deep.equal(['newline', call(1), tooLong, call(2)]);
    expect(await read(json(call(1)) + frame(' '.repeat(101)) + json(call(2)))).to.deep.equal([
      'contentLength',
      call(1),
      tooLong,
      call(2),
    ]);
  });

  describe('dispatched', () => {
    it('delivers the next message', async () => {
      const stream = new PassThrough();
      const { reader, events } = recordingReader(stream);
      stream.write(calls(3));
      await settled();
      expect(events).to.deep.equal([call(0)]);
      reader.dispatched();
      expect(events).to.deep.equal([call(0), call(1)]);
      reader.dispatched();
      reader.dispatched();
      expect(events).to.deep.equal([call(0), call(1), call(2)]);
    });

    it('may be called before the message is handled: the next one follows afterwards', async () => {
      const stream = new PassThrough();
      const reader = new FrameMessageReader(stream, { refused: () => {}, lost: () => {} });
      const handled: unknown[] = [];
      let delaying = true;
      reader.listen(message => {
        if (!delaying) reader.dispatched();
        handled.push(message);
      });
      reader.onClose(() => handled.push('closed'));
      stream.end(calls(3));
      await settled();
      expect(handled).to.deep.equal([call(0)]);
      delaying = false;
      reader.dispatched();
      expect(handled).to.deep.equal([call(0), call(1), call(2), 'closed']);
    });

    it('resumes a stream that was paused because too many messages were waiting', async () => {
      const stream = new PassThrough();
      const { reader, events } = recordingReader(stream);
      // The first is delivered, the others wait.
      stream.write(calls(1 + MAX_UNDISPATCHED_MESSAGES));
      await settled();
      expect(stream.isPaused()).to.equal(false);
      stream.write(json(call('one more')));
      stream.write(json(call('last')));
      await settled();
      expect(stream.isPaused()).to.equal(true);
      reader.dispatched();
      expect(stream.isPaused()).to.equal(false);
      await settled();
      for (let count = 0; count < MAX_UNDISPATCHED_MESSAGES + 2; count += 1) reader.dispatched();
      expect(events).to.have.lengthOf(MAX_UNDISPATCHED_MESSAGES + 3);
      expect(events.at(-1)).to.deep.equal(call('last'));
    });
  });

  describe('with a gate', () => {
    /** A reader with a gate that the test controls, and its events. */
    const gated = (stream: Readable, verdict: () => boolean | ExecServerError) => {
      const events: unknown[] = [];
      const reader: FrameMessageReader = new FrameMessageReader(
        stream,
        { refused: (error, id) => events.push({ refused: error.message, id }), lost: () => {} },
        { gate: { admit: verdict, done: () => events.push('done') } },
      );
      reader.onClose(() => events.push('closed'));
      reader.listen(message => {
        events.push(message);
        reader.dispatched();
      });
      return { reader, events };
    };

    it('pauses the stream while a frame waits, and continues in order', async () => {
      const stream = new PassThrough();
      let open = false;
      const { reader, events } = gated(stream, () => open);
      stream.write(calls(2));
      await settled();
      expect([events, stream.isPaused()]).to.deep.equal([[], true]);
      reader.proceed();
      expect(events).to.deep.equal([]);
      open = true;
      reader.proceed();
      expect([events, stream.isPaused()]).to.deep.equal([[call(0), 'done', call(1), 'done'], false]);
    });

    it('reports a frame that the gate refuses, and continues', async () => {
      const stream = new PassThrough();
      const verdicts = [limitExceeded('memoryBytes', 2, 1), true];
      const { events } = gated(stream, () => verdicts.shift() ?? true);
      stream.write(calls(2));
      await settled();
      const refused = { refused: 'memoryBytes: 2 exceeds the limit of 1', id: null };
      expect(events).to.deep.equal([refused, 'done', call(1), 'done']);
    });

    it('reports frames as done that hold no message or a cancellation', async () => {
      const stream = new PassThrough();
      const { events } = gated(stream, () => true);
      stream.write(frame('1') + json({ method: '$/cancelRequest', params: { id: 1 } }));
      await settled();
      expect(events.filter(event => event === 'done')).to.have.lengthOf(2);
    });

    it('drops frames that wait for a second after the end', async () => {
      const stream = new PassThrough();
      const { events } = gated(stream, () => false);
      const closed = new Promise(resolve => stream.on('end', resolve));
      stream.end(calls(1));
      await settled();
      // The stream is paused until the frame is admitted, so its end is not seen before.
      stream.resume();
      await closed;
      await until(() => events.includes('closed'), 'the reader has not closed');
      expect(events).to.deep.equal(['closed']);
    });
  });

  describe('onClose', () => {
    it('fires once, when everything is dispatched', async () => {
      const stream = new PassThrough();
      const { reader, events } = recordingReader(stream);
      stream.end(calls(2));
      await settled();
      expect(events).to.deep.equal([call(0)]);
      reader.dispatched();
      expect(events).to.deep.equal([call(0), call(1)]);
      reader.dispatched();
      expect(events).to.deep.equal([call(0), call(1), 'closed']);
      reader.dispatched();
      stream.destroy();
      await settled();
      expect(events).to.deep.equal([call(0), call(1), 'closed']);
    });

    it('fires at the end of a stream that never closes', async () => {
      expect(await eventsOf([])).to.deep.equal(['closed']);
    });

    it('fires at the end of the null device', async () => {
      const stream = createReadStream(process.platform === 'win32' ? '\\\\.\\NUL' : '/dev/null', {
        autoClose: false,
      });
      const ended = once(stream, 'end');
      const { events } = recordingReader(stream);
      await ended;
      stream.destroy();
      expect(events).to.deep.equal(['closed']);
    });

    it('fires when the stream closes without ending', async () => {
      const stream = new PassThrough();
      const { events } = recordingReader(stream);
      stream.destroy();
      await settled();
      expect(events).to.deep.equal(['closed']);
    });

    it('fires after the error of a stream that fails', async () => {
      const stream = new PassThrough();
      const { events } = recordingReader(stream);
      stream.destroy(new Error('the pipe broke'));
      await settled();
      expect(events).to.deep.equal([{ error: 'the pipe broke' }, 'closed']);
    });

    it('fires after an error for an incomplete message', async () => {
      expect(await eventsOf([latin1('Content-Length: 5\r\n\r\n{}')])).to.deep.equal([
        { error: 'the stream ended inside a frame, 3 bytes before its end' },
        'closed',
      ]);
    });

    it('fires when the stream is lost, which is reported once', async () => {
      const stream = [json(call(1)), 'x'.repeat(MAX_RESYNC_BYTES + 9000), json(call(2))];
      expect(await eventsOf([latin1(stream.join(''))])).to.deep.equal([
        call(1),
        { refused: 'a header is longer than 8192 bytes', id: null },
        { lost: 'no frame header in 1048576 bytes' },
        'closed',
      ]);
    });
  });

  it('stops reading once it is disposed of, and ignores a later error of the stream', async () => {
    const stream = new PassThrough();
    const { events, listening } = recordingReader(stream, { dispatching: true });
    stream.write(calls(1));
    await settled();
    listening.dispose();
    stream.write(calls(1));
    stream.destroy(new Error('late'));
    await settled();
    expect(events.filter(event => (event as { method?: string }).method === 'm')).to.deep.equal([call(0)]);
  });

  describe('with a connection of vscode-jsonrpc', () => {
    /** The answers of a connection to this stream, once all is dispatched and answered. */
    const answersTo = async (stream: string): Promise<unknown[]> => {
      const input = new PassThrough();
      const output = new PassThrough();
      const answers: Buffer[] = [];
      output.on('data', (frame: Buffer) => answers.push(frame));
      const reader = new FrameMessageReader(input, { refused: () => {}, lost: () => {} });
      const connection = createMessageConnection(reader, new FrameMessageWriter(output), NullLogger, {
        messageStrategy: {
          handleMessage: (message, next) => {
            const handled = next(message);
            reader.dispatched();
            return handled;
          },
        },
      });
      connection.onRequest(async (method: string) => {
        await settled();
        return method;
      });
      const closed = new Promise<void>(resolve => connection.onClose(resolve));
      connection.listen();
      input.end(stream);
      await closed;
      await settled();
      await settled();
      return decode(answers).map(report => 'frame' in report && JSON.parse(report.frame));
    };

    const answer = (id: number | string, result: string) => ({ jsonrpc: '2.0', id, result });

    it('gets an answer to every request, even if they share an id', async () => {
      const requests = [
        { id: 1, method: 'first' },
        { id: 1, method: 'second' },
        { id: '1', method: 'third' },
      ];
      expect(await answersTo(requests.map(json).join(''))).to.deep.equal([
        answer(1, 'first'),
        answer(1, 'second'),
        answer('1', 'third'),
      ]);
    });

    it('closes after cancellations of requests that wait, run, are answered or never existed', async () => {
      const cancel = (id: unknown) => json({ method: '$/cancelRequest', params: { id } });
      const stream = [
        cancel(1),
        json(call(1)),
        cancel(1),
        json(call(2)),
        cancel(2),
        cancel(1),
        json(call(3)),
        cancel(99),
      ];
      expect(await answersTo(stream.join(''))).to.deep.equal([
        answer(1, 'm'),
        answer(2, 'm'),
        answer(3, 'm'),
      ]);
    });

    for (const params of [undefined, null, {}, [], 7, { id: null }]) {
      it(`ignores a cancellation with params ${JSON.stringify(params)}`, async () => {
        const stream = json({ method: '$/cancelRequest', params }) + json(call(1));
        expect(await answersTo(stream)).to.deep.equal([answer(1, 'm')]);
      });
    }

    it('ignores answers without a request', async () => {
      const answers = [
        { id: null, error: { code: -32700, message: 'no' } },
        { id: null, result: 1 },
        { id: 99, result: 1 },
        { id: 99, error: null },
        { id: 'x', error: 'text' },
      ];
      expect(await answersTo(answers.map(json).join('') + json(call(1)))).to.deep.equal([answer(1, 'm')]);
    });
  });
});

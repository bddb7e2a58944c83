import { expect } from 'chai';
import { type NumberedChunk, OutputQueue } from '../../src/core/output-queue.ts';

const chunk = (text: string, stream: NumberedChunk['stream'] = 'stdout'): NumberedChunk => ({
  seq: 1,
  stream,
  chunk: Buffer.from(text),
});

const drain = async (queue: OutputQueue) => {
  const read: NumberedChunk[] = [];
  for await (const next of queue) read.push(next);
  return read;
};

/** The chunks that can be read, and the error at their end. */
const drainToError = async (queue: OutputQueue) => {
  const read: NumberedChunk[] = [];
  try {
    for await (const next of queue) read.push(next);
  } catch (error) {
    return { read, error };
  }
  return { read, error: undefined };
};

describe('OutputQueue', () => {
  const idle = () => new OutputQueue('process 1', () => {});

  it('returns chunks of all streams in the order of their arrival', async () => {
    const queue = idle();
    const chunks = [chunk('1'), chunk('2', 'stderr'), chunk('3'), chunk('4', 'pty')];
    for (const one of chunks) queue.push(one);
    queue.end();
    expect(await drain(queue)).to.deep.equal(chunks);
  });

  it('wakes a waiting reader', async () => {
    const queue = idle();
    const reader = queue[Symbol.asyncIterator]();
    const first = reader.next();
    queue.push(chunk('1'));
    expect(await first).to.deep.equal({ done: false, value: chunk('1') });
    const second = reader.next();
    queue.push(chunk('2'));
    queue.push(chunk('3', 'stderr'));
    expect(await second).to.deep.equal({ done: false, value: chunk('2') });
    expect(await reader.next()).to.deep.equal({ done: false, value: chunk('3', 'stderr') });
    const last = reader.next();
    queue.end();
    expect(await last).to.deep.equal({ done: true, value: undefined });
  });

  it('rejects a waiting reader with the error', async () => {
    const queue = idle();
    const reading = drainToError(queue);
    const error = new Error('lost');
    queue.end(error);
    expect(await reading).to.deep.equal({ read: [], error });
  });

  it('returns the queued chunks before the error', async () => {
    const queue = idle();
    const error = new Error('lost');
    queue.push(chunk('1'));
    queue.push(chunk('2', 'pty'));
    queue.end(error);
    expect(await drainToError(queue)).to.deep.equal({ read: [chunk('1'), chunk('2', 'pty')], error });
  });

  it('accepts no second end and no chunk after the end', async () => {
    const queue = idle();
    queue.push(chunk('1'));
    queue.end();
    queue.end(new Error('too late'));
    queue.push(chunk('2'));
    expect([await drain(queue), queue.bytes]).to.deep.equal([[chunk('1')], 0]);
  });

  it('counts unread bytes, and calls back for each chunk that is read', async () => {
    const counted: number[] = [];
    const queue: OutputQueue = new OutputQueue('process 1', () => counted.push(queue.bytes));
    queue.push(chunk('one'));
    queue.push(chunk('three', 'stderr'));
    queue.push(chunk(''));
    expect(queue.bytes).to.equal(8);
    queue.end();
    await drain(queue);
    expect(counted).to.deep.equal([5, 0]);
  });

  it('keeps the rest for another reader if one stops early', async () => {
    const queue = idle();
    const chunks = [chunk('1'), chunk('2', 'stderr'), chunk('3')];
    for (const one of chunks) queue.push(one);
    queue.end();
    for await (const next of queue) {
      expect(next).to.deep.equal(chunk('1'));
      break;
    }
    expect(await drain(queue)).to.deep.equal(chunks.slice(1));
  });

  it('refuses a second reader while the first one waits', async () => {
    const queue = idle();
    const reading = drain(queue);
    expect(await drainToError(queue)).to.deep.include({ read: [] });
    queue.push(chunk('1'));
    queue.end();
    expect(await reading).to.deep.equal([chunk('1')]);
  });

  describe('with short chunks', () => {
    const ofBytes = (bytes: number, seq: number) => ({ ...chunk('x'.repeat(bytes)), seq });

    it('joins those of one stream, with the number of the last', async () => {
      const queue = idle();
      for (let seq = 1; seq <= 10_000; seq += 1) queue.push({ ...chunk(String(seq % 10)), seq });
      queue.end();
      const read = await drain(queue);
      expect(read.map(({ seq, chunk: { length } }) => [seq, length])).to.deep.equal([
        [4096, 4096],
        [8192, 4096],
        [10_000, 1808],
      ]);
      expect(String(Buffer.concat(read.map(one => one.chunk)))).to.equal('1234567890'.repeat(1000));
    });

    it('joins none of different streams, after dropped output, or of more than 4 KiB', async () => {
      const queue = idle();
      const chunks = [
        ofBytes(1, 1),
        chunk('e', 'stderr'),
        { ...chunk('f', 'stderr'), droppedBefore: 7 },
        ofBytes(1, 4),
        ofBytes(4096, 5),
        ofBytes(1, 6),
      ];
      for (const one of chunks) queue.push(one);
      queue.end();
      expect(await drain(queue)).to.deep.equal(chunks);
    });

    it('does not change a chunk that was read', async () => {
      const queue = idle();
      const reader = queue[Symbol.asyncIterator]();
      for (const text of ['a', 'b']) queue.push(chunk(text));
      const { value } = await reader.next();
      for (const text of ['c', 'd']) queue.push(chunk(text));
      expect([String(value?.chunk), String((await reader.next()).value?.chunk)]).to.deep.equal(['ab', 'cd']);
    });
  });
});

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

/** All that can be read, and the error that ends it. */
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

  it('gives chunks in the order in which they came, whichever stream they are of', async () => {
    const queue = idle();
    const chunks = [chunk('1'), chunk('2', 'stderr'), chunk('3'), chunk('4', 'pty')];
    for (const one of chunks) queue.push(one);
    queue.end();
    expect(await drain(queue)).to.deep.equal(chunks);
  });

  it('wakes a reader that waits', async () => {
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

  it('wakes a reader that waits with the error', async () => {
    const queue = idle();
    const reading = drainToError(queue);
    const error = new Error('lost');
    queue.end(error);
    expect(await reading).to.deep.equal({ read: [], error });
  });

  it('gives what was queued before it fails', async () => {
    const queue = idle();
    const error = new Error('lost');
    queue.push(chunk('1'));
    queue.push(chunk('2', 'pty'));
    queue.end(error);
    expect(await drainToError(queue)).to.deep.equal({ read: [chunk('1'), chunk('2', 'pty')], error });
  });

  it('ends as it was told first, and takes nothing after that', async () => {
    const queue = idle();
    queue.push(chunk('1'));
    queue.end();
    queue.end(new Error('too late'));
    queue.push(chunk('2'));
    expect([await drain(queue), queue.bytes]).to.deep.equal([[chunk('1')], 0]);
  });

  it('counts the bytes that nobody has read, and calls back with each chunk that is', async () => {
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

  it('keeps the rest for another reader when one stops half-way', async () => {
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

  it('refuses a second reader while the first one waits, and serves the first', async () => {
    const queue = idle();
    const reading = drain(queue);
    expect(await drainToError(queue)).to.deep.include({ read: [] });
    queue.push(chunk('1'));
    queue.end();
    expect(await reading).to.deep.equal([chunk('1')]);
  });

  describe('joins short chunks that wait', () => {
    const ofBytes = (bytes: number, seq: number) => ({ ...chunk('x'.repeat(bytes)), seq });

    it('of one stream, under the number of the last', async () => {
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

    it('but not those of other streams, behind dropped output, or longer ones', async () => {
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

    it('and changes nothing that was read before', async () => {
      const queue = idle();
      const reader = queue[Symbol.asyncIterator]();
      for (const text of ['a', 'b']) queue.push(chunk(text));
      const { value } = await reader.next();
      for (const text of ['c', 'd']) queue.push(chunk(text));
      expect([String(value?.chunk), String((await reader.next()).value?.chunk)]).to.deep.equal(['ab', 'cd']);
    });
  });
});

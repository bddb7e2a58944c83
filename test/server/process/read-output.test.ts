import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import type { ExecServerError } from '../../../src/protocol/errors.ts';
import { AnswerMemory } from '../../../src/server/memory/answer-memory.ts';
import { MemoryBudget } from '../../../src/server/memory/memory-budget.ts';
import { MAX_READ_BYTES, MAX_WAITING_READS } from '../../../src/server/process/limits.ts';
import type { ManagedProcess } from '../../../src/server/process/managed-process.ts';
import { OutputReads } from '../../../src/server/process/read-output.ts';
import { settle } from '../support/slow-client.ts';
import { fakeProcess } from './support/fake-process.ts';

/** Longer than any of these tests takes. */
const LONG_MS = 60_000;

const backlog = { queuedBytes: 0, flushed: () => Promise.resolve() };
const reads = new OutputReads(new AnswerMemory(new MemoryBudget(Number.POSITIVE_INFINITY), backlog));

const read = (
  managed: ManagedProcess,
  params: { afterSeq?: number; maxBytes?: number; waitMs?: number } = {},
) =>
  reads.read(managed.journal, managed, {
    processId: 'p',
    afterSeq: 0,
    waitMs: 0,
    maxBytes: undefined,
    ...params,
  });

const nothing = {
  chunks: [],
  nextSeq: 1,
  exited: false,
  exitCode: null,
  closed: false,
  failure: null,
  sandboxDenied: false,
  droppedBytes: 0,
};

/** Resolves after timers that are due have fired. */
const nextTurns = async (): Promise<string> => {
  for (let turn = 0; turn < 3; turn += 1) await delay(2);
  return 'none';
};

const chunk = (seq: number, text: string, stream = 'stdout') => ({ seq, stream, chunk: btoa(text) });

describe('OutputReads', () => {
  it('returns no chunks of a process without output', async () => {
    const { managed } = fakeProcess();
    expect([await read(managed), await read(managed, { afterSeq: 10 })]).to.deep.equal([nothing, nothing]);
  });

  it('returns the output after a number, and the number to continue from', async () => {
    const { managed, print, stderr } = fakeProcess();
    await print('a');
    stderr.write('b');
    await settle();
    await print('c');
    expect([
      await read(managed),
      await read(managed, { afterSeq: 2 }),
      await read(managed, { afterSeq: 3 }),
    ]).to.deep.equal([
      { ...nothing, chunks: [chunk(1, 'a'), chunk(2, 'b', 'stderr'), chunk(3, 'c')], nextSeq: 4 },
      { ...nothing, chunks: [chunk(3, 'c')], nextSeq: 4 },
      { ...nothing, nextSeq: 4 },
    ]);
  });

  it('returns at most maxBytes and continues after them', async () => {
    const { managed, print } = fakeProcess();
    for (const text of ['abc', 'def', 'ghi']) await print(text);
    const first = await read(managed, { maxBytes: 6 });
    const second = await read(managed, { afterSeq: first.nextSeq - 1, maxBytes: 0 });
    expect([first, second]).to.deep.equal([
      { ...nothing, chunks: [chunk(1, 'abc'), chunk(2, 'def')], nextSeq: 3 },
      { ...nothing, chunks: [chunk(3, 'ghi')], nextSeq: 4 },
    ]);
  });

  it('returns at most the maximum of one answer', async () => {
    const { managed, stdout } = fakeProcess({ retainedBytes: 2 * MAX_READ_BYTES });
    const chunkBytes = MAX_READ_BYTES / 4;
    for (let at = 0; at < 6; at += 1) {
      stdout.push(Buffer.alloc(chunkBytes));
      await settle();
    }
    const counts = [];
    for (const maxBytes of [undefined, Number.MAX_SAFE_INTEGER]) {
      const { chunks, nextSeq } = await read(managed, maxBytes === undefined ? {} : { maxBytes });
      counts.push([chunks.length, nextSeq]);
    }
    expect(counts).to.deep.equal([
      [4, 5],
      [4, 5],
    ]);
  });

  it('returns the number of bytes that are no longer retained', async () => {
    const { managed, print } = fakeProcess({ retainedBytes: 3 });
    for (const text of ['abc', 'def', 'ghi']) await print(text);
    expect(await read(managed, { afterSeq: 1 })).to.deep.equal({
      ...nothing,
      chunks: [chunk(3, 'ghi')],
      nextSeq: 4,
      droppedBytes: 3,
    });
  });

  it('continues after the close if all output was read, otherwise after the last chunk', async () => {
    const { managed, print, exit, endStreams } = fakeProcess();
    for (const text of ['abc', 'def']) await print(text);
    exit(0);
    await endStreams();
    const closed = { ...nothing, exited: true, exitCode: 0, closed: true };
    expect([
      await read(managed),
      await read(managed, { maxBytes: 3 }),
      await read(managed, { afterSeq: 1, maxBytes: 3 }),
      await read(managed, { afterSeq: 99, waitMs: Number.MAX_SAFE_INTEGER }),
    ]).to.deep.equal([
      { ...closed, chunks: [chunk(1, 'abc'), chunk(2, 'def')], nextSeq: 5 },
      { ...closed, chunks: [chunk(1, 'abc')], nextSeq: 2 },
      { ...closed, chunks: [chunk(2, 'def')], nextSeq: 5 },
      { ...closed, nextSeq: 5 },
    ]);
  });

  it('reports exit and close of a process without output', async () => {
    const { managed, exit, endStreams } = fakeProcess();
    exit(3);
    const exited = await read(managed);
    await endStreams();
    expect([
      exited,
      await read(managed),
      await read(managed, { afterSeq: 2, waitMs: LONG_MS }),
    ]).to.deep.equal([
      { ...nothing, exited: true, exitCode: 3 },
      { ...nothing, nextSeq: 3, exited: true, exitCode: 3, closed: true },
      { ...nothing, nextSeq: 3, exited: true, exitCode: 3, closed: true },
    ]);
  });

  describe('with waitMs', () => {
    it('returns the next output', async () => {
      const { managed, print } = fakeProcess();
      const answer = read(managed, { waitMs: LONG_MS });
      await settle();
      const waiting = managed.journal.listenerCount;
      await print('x');
      expect([waiting, await answer, managed.journal.listenerCount]).to.deep.equal([
        1,
        { ...nothing, chunks: [chunk(1, 'x')], nextSeq: 2 },
        0,
      ]);
    });

    it('returns at the exit and again at the close', async () => {
      const { managed, exit, endStreams, print } = fakeProcess();
      await print('x');
      const first = read(managed, { afterSeq: 1, waitMs: LONG_MS });
      exit(0);
      const exited = await first;
      const second = read(managed, { afterSeq: exited.nextSeq - 1, waitMs: LONG_MS });
      await endStreams();
      expect([exited, await second]).to.deep.equal([
        { ...nothing, nextSeq: 3, exited: true, exitCode: 0 },
        { ...nothing, nextSeq: 4, exited: true, exitCode: 0, closed: true },
      ]);
    });

    it('returns nothing when the time is over', async () => {
      const { managed } = fakeProcess();
      const begin = performance.now();
      expect(await read(managed, { waitMs: 30 })).to.deep.equal(nothing);
      expect([performance.now() - begin >= 30, managed.journal.listenerCount]).to.deep.equal([true, 0]);
    });

    it('waits for a number that is far ahead', async () => {
      const { managed, print, exit, endStreams } = fakeProcess();
      const answer = read(managed, { afterSeq: 3, waitMs: LONG_MS });
      for (const text of ['1', '2', '3']) await print(text);
      const waiting = managed.journal.listenerCount;
      await print('4');
      exit(0);
      await endStreams();
      expect([waiting, await answer]).to.deep.equal([1, { ...nothing, chunks: [chunk(4, '4')], nextSeq: 5 }]);
    });

    it('waits for up to 2^53 - 1 milliseconds', async () => {
      const { managed, print } = fakeProcess();
      const answers = [2 ** 31, Number.MAX_SAFE_INTEGER].map(waitMs => read(managed, { waitMs }));
      // setTimeout would fire in the next turns for a time that is too long.
      const early = await Promise.race([...answers, nextTurns()]);
      await print('x');
      expect([early, ...(await Promise.all(answers))]).to.deep.equal([
        'none',
        ...answers.map(() => ({ ...nothing, chunks: [chunk(1, 'x')], nextSeq: 2 })),
      ]);
    });

    it('does not wait if output was missed', async () => {
      const { managed, print } = fakeProcess({ retainedBytes: 0 });
      await print('gone');
      expect(await read(managed, { waitMs: LONG_MS })).to.deep.equal({
        ...nothing,
        nextSeq: 2,
        droppedBytes: 4,
      });
    });

    it('refuses a waiting call beyond the limit, but no call that need not wait', async () => {
      const { managed, print } = fakeProcess();
      const answers = Array.from({ length: MAX_WAITING_READS }, () => read(managed, { waitMs: LONG_MS }));
      await settle();
      const refused = await read(managed, { waitMs: LONG_MS }).catch((error: ExecServerError) => error.data);
      const unhurried = await read(managed);
      await print('x');
      const all = await Promise.all(answers);
      expect([refused, unhurried, all.every(({ nextSeq }) => nextSeq === 2)]).to.deep.equal([
        {
          kind: 'limitExceeded',
          limit: 'waitingReads',
          current: MAX_WAITING_READS + 1,
          max: MAX_WAITING_READS,
        },
        nothing,
        true,
      ]);
    });
  });
});

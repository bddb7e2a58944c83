import { expect } from 'chai';
import fc from 'fast-check';
import { CHUNK_OVERHEAD_BYTES, MAX_RETAINED_CHUNKS } from '../../../../src/server/process/limits.ts';
import { type LoggedChunk, OutputLog } from '../../../../src/server/process/output/output-log.ts';

const NO_LIMIT = Number.POSITIVE_INFINITY;

/** A chunk of that length, whose bytes are its number. */
const chunk = (seq: number, length: number): LoggedChunk => ({
  seq,
  stream: seq % 2 ? 'stdout' : 'stderr',
  bytes: Buffer.alloc(length, seq % 256),
});

const bytesOf = (chunks: readonly LoggedChunk[]) => chunks.reduce((sum, { bytes }) => sum + bytes.length, 0);

/** A log with room for so many chunks of that length. */
const logFor = (chunks: number, length: number) => new OutputLog(chunks * length);

describe('OutputLog', () => {
  it('is empty at first', () => {
    expect([new OutputLog(10).read(0, NO_LIMIT), new OutputLog(10).heldBytes]).to.deep.equal([
      { chunks: [], complete: true, droppedBytes: 0 },
      0,
    ]);
  });

  it('returns the chunks after any number', () => {
    const log = logFor(10, 1);
    const [one, three, six] = [chunk(1, 1), chunk(3, 1), chunk(6, 1)];
    for (const each of [one, three, six]) log.add(each);
    const after = [0, 1, 2, 3, 5, 6, 99].map(seq => log.read(seq, NO_LIMIT).chunks);
    expect(after).to.deep.equal([[one, three, six], [three, six], [three, six], [six], [six], [], []]);
  });

  it('drops the oldest first and counts the dropped bytes after any number', () => {
    const log = logFor(2, 10);
    for (const seq of [1, 2, 3, 4]) log.add(chunk(seq, 10));
    const slices = [0, 1, 2, 3, 4].map(seq => log.read(seq, NO_LIMIT));
    expect(slices).to.deep.equal([
      { chunks: [chunk(3, 10), chunk(4, 10)], complete: true, droppedBytes: 20 },
      { chunks: [chunk(3, 10), chunk(4, 10)], complete: true, droppedBytes: 10 },
      { chunks: [chunk(3, 10), chunk(4, 10)], complete: true, droppedBytes: 0 },
      { chunks: [chunk(4, 10)], complete: true, droppedBytes: 0 },
      { chunks: [], complete: true, droppedBytes: 0 },
    ]);
  });

  it('retains exactly its maximum of bytes', () => {
    const log = new OutputLog(100);
    for (let seq = 1; seq <= 10; seq += 1) log.add(chunk(seq, 10));
    const whole = log.read(0, NO_LIMIT);
    log.add(chunk(11, 1));
    const { chunks, droppedBytes } = log.read(0, NO_LIMIT);
    expect([bytesOf(whole.chunks), whole.droppedBytes]).to.deep.equal([100, 0]);
    expect([bytesOf(chunks), droppedBytes]).to.deep.equal([91, 10]);
  });

  it('limits the number of chunks', () => {
    const log = new OutputLog(10 * MAX_RETAINED_CHUNKS);
    for (let seq = 1; seq <= MAX_RETAINED_CHUNKS + 5; seq += 1) log.add(chunk(seq, 1));
    const { chunks, droppedBytes } = log.read(0, NO_LIMIT);
    expect([chunks.length, droppedBytes, log.heldBytes]).to.deep.equal([
      MAX_RETAINED_CHUNKS,
      5,
      MAX_RETAINED_CHUNKS * (1 + CHUNK_OVERHEAD_BYTES),
    ]);
  });

  it('counts the bytes if nothing may be retained', () => {
    const log = new OutputLog(0);
    log.add(chunk(1, 5));
    log.add(chunk(2, 7));
    expect([log.read(0, NO_LIMIT), log.read(1, NO_LIMIT), log.heldBytes]).to.deep.equal([
      { chunks: [], complete: true, droppedBytes: 12 },
      { chunks: [], complete: true, droppedBytes: 7 },
      0,
    ]);
  });

  it('returns as many chunks as fit, and at least one', () => {
    const log = logFor(10, 10);
    for (const seq of [1, 2, 3]) log.add(chunk(seq, 10));
    const counts = [0, 5, 10, 19, 20, 29, 30, NO_LIMIT].map(maxBytes => log.read(0, maxBytes).chunks.length);
    expect(counts).to.deep.equal([1, 1, 1, 1, 2, 2, 3, 3]);
  });

  it('counts exactly the bytes of the last thousand evictions', () => {
    const log = logFor(1, 1);
    const wrong: number[] = [];
    for (let seq = 1; seq <= 5_000; seq += 1) {
      log.add(chunk(seq, 1));
      const evicted = seq - 1;
      for (const back of [0, 1, 1_000, 1_024]) {
        const after = Math.max(0, evicted - back);
        if (log.read(after, NO_LIMIT).droppedBytes !== evicted - after) wrong.push(seq);
      }
    }
    expect(wrong).to.deep.equal([]);
    expect(log.read(0, NO_LIMIT).droppedBytes).to.equal(4_999);
  });

  describe('with any output', () => {
    const anyLog = fc
      .record({
        maxBytes: fc.oneof(fc.nat(2000), fc.nat(50_000)),
        // Exit and close have numbers, too, which leaves gaps.
        steps: fc.array(fc.record({ gap: fc.nat(2), length: fc.oneof(fc.nat(20), fc.nat(5000)) }), {
          maxLength: 200,
        }),
      })
      .map(({ maxBytes, steps }) => {
        const log = new OutputLog(maxBytes);
        let seq = 0;
        const all = steps.map(({ gap, length }) => {
          seq += 1 + gap;
          const added = chunk(seq, length);
          log.add(added);
          return added;
        });
        return { log, all, maxBytes, lastSeq: seq };
      });

    it('returns or counts all bytes after a number', () => {
      fc.assert(
        fc.property(anyLog, fc.nat(700), ({ log, all }, afterSeq) => {
          const { chunks, droppedBytes } = log.read(afterSeq, NO_LIMIT);
          const after = all.filter(({ seq }) => seq > afterSeq);
          expect(chunks).to.deep.equal(chunks.length > 0 ? after.slice(-chunks.length) : []);
          expect(bytesOf(chunks) + droppedBytes).to.equal(bytesOf(after));
        }),
      );
    });

    it('retains at most its maximum and drops no more than necessary', () => {
      fc.assert(
        fc.property(anyLog, ({ log, all, maxBytes }) => {
          const { chunks } = log.read(0, NO_LIMIT);
          expect(bytesOf(chunks)).to.be.at.most(maxBytes);
          expect(log.heldBytes).to.equal(bytesOf(chunks) + chunks.length * CHUNK_OVERHEAD_BYTES);
          const next = all.at(-1 - chunks.length);
          if (next !== undefined) expect(bytesOf(chunks) + next.bytes.length).to.be.above(maxBytes);
        }),
      );
    });

    it('returns everything that is retained, read in parts', () => {
      fc.assert(
        fc.property(anyLog, fc.nat(3000), ({ log }, maxBytes) => {
          const pieces: LoggedChunk[] = [];
          for (let after = 0; ; after = pieces.at(-1)?.seq ?? 0) {
            const { chunks } = log.read(after, maxBytes);
            if (chunks.length === 0) break;
            expect(chunks.length === 1 || bytesOf(chunks) <= maxBytes).to.equal(true);
            pieces.push(...chunks);
          }
          expect(pieces).to.deep.equal(log.read(0, NO_LIMIT).chunks);
        }),
      );
    });
  });
});

import { expect } from 'chai';
import { MemoryBudget } from '../../../../src/server/memory/memory-budget.ts';
import { EvictableMemory } from '../../../../src/server/process/output/evictable-memory.ts';
import { HeadTail } from '../../../../src/server/process/output/head-tail.ts';
import { OutputLog } from '../../../../src/server/process/output/output-log.ts';

const KIB = 1024;
const NO_LIMIT = Number.POSITIVE_INFINITY;

/** Memory of that size for the output of all processes. */
const memoryOf = (bytes: number) => {
  const share = new MemoryBudget(6 * bytes).share('retained');
  return { share, memory: new EvictableMemory(share) };
};

const chunk = (seq: number, length: number) => ({
  seq,
  stream: 'stdout' as const,
  bytes: Buffer.alloc(length, seq),
});

describe('EvictableMemory', () => {
  it('makes the largest log drop its oldest chunks and count them', () => {
    const { memory, share } = memoryOf(1024 * KIB);
    const [large, small] = [new OutputLog(NO_LIMIT, memory), new OutputLog(NO_LIMIT, memory)];
    small.add(chunk(1, 100));
    for (let seq = 1; seq <= 40; seq += 1) large.add(chunk(seq, 60 * KIB));
    const { chunks, droppedBytes } = large.read(0, NO_LIMIT);
    const kept = chunks.reduce((sum, { bytes }) => sum + bytes.length, 0);
    expect([kept + droppedBytes, chunks.at(-1)?.seq]).to.deep.equal([40 * 60 * KIB, 40]);
    expect(small.read(0, NO_LIMIT).chunks).to.have.lengthOf(1);
    expect(share.usedBytes).to.be.within(800 * KIB, 1024 * KIB);
    large.close();
    small.close();
    expect(share.usedBytes).to.equal(0);
  });

  it('drops what is preferred first', () => {
    const { memory } = memoryOf(1024 * KIB);
    const [closed, live] = [new OutputLog(NO_LIMIT, memory), new OutputLog(NO_LIMIT, memory)];
    memory.preferToDrop(() => {
      const holds = closed.heldBytes > 0;
      closed.close();
      return holds;
    });
    for (let seq = 1; seq <= 6; seq += 1) closed.add(chunk(seq, 64 * KIB));
    for (let seq = 1; seq <= 14; seq += 1) live.add(chunk(seq, 64 * KIB));
    expect([closed.heldBytes, live.read(0, NO_LIMIT).droppedBytes]).to.deep.equal([0, 0]);
  });

  it('makes a log retain nothing without memory, and count it', () => {
    const { memory, share } = memoryOf(1024);
    const log = new OutputLog(NO_LIMIT, memory);
    log.add(chunk(1, 100));
    log.add(chunk(2, 2000));
    expect(log.read(0, NO_LIMIT)).to.deep.equal({ chunks: [], complete: true, droppedBytes: 2100 });
    log.close();
    expect(share.usedBytes).to.equal(0);
  });

  it('makes the longest tail begin later and count the dropped bytes', () => {
    const { memory, share } = memoryOf(256 * KIB);
    const [large, small] = [new HeadTail(1024 * KIB, memory), new HeadTail(200, memory)];
    const sent = small.push({ stream: 'stdout', bytes: Buffer.alloc(150) })?.bytes.length;
    let head = 0;
    for (let at = 0; at < 100; at += 1) {
      head += large.push({ stream: 'stdout', bytes: Buffer.alloc(20 * KIB, at) })?.bytes.length ?? 0;
    }
    const [ofSmall, ofLarge] = [small.finish(), large.finish()];
    expect([sent, ofSmall.dropped, ofSmall.tail.length]).to.deep.equal([100, undefined, 1]);
    const tail = Buffer.concat(ofLarge.tail.map(({ bytes }) => bytes));
    expect(head + (ofLarge.dropped?.stdout ?? 0) + tail.length).to.equal(100 * 20 * KIB);
    expect([tail.at(-1), tail.length > 200 * KIB]).to.deep.equal([99, true]);
    for (const one of ofSmall.tail) small.release(one);
    for (const one of ofLarge.tail) large.release(one);
    expect(share.usedBytes).to.equal(0);
  });

  it('ends a queued head where the memory ends', () => {
    const { memory, share } = memoryOf(100 * KIB);
    const headTail = new HeadTail(1024 * KIB, memory);
    const piece = { stream: 'stdout' as const, bytes: Buffer.alloc(30 * KIB) };
    const heads = Array.from({ length: 10 }, () => headTail.push(piece, true)).filter(
      head => head !== undefined,
    );
    const { dropped, tail } = headTail.finish();
    const bytes = (chunks: ReadonlyArray<{ bytes: Buffer }>) =>
      chunks.reduce((sum, one) => sum + one.bytes.length, 0);
    expect(bytes(heads) + bytes(tail) + (dropped?.stdout ?? 0)).to.equal(300 * KIB);
    expect(bytes(heads)).to.equal(90 * KIB);
    for (const one of [...heads, ...tail]) headTail.release(one);
    expect(share.usedBytes).to.equal(0);
  });
});

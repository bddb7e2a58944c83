import { expect } from 'chai';
import fc from 'fast-check';
import { MIN_OUTPUT_WINDOW_BYTES } from '../../../../src/protocol/limits.ts';
import { type Chunk, HeadTail } from '../../../../src/server/process/output/head-tail.ts';

const STREAMS = ['stdout', 'stderr', 'pty'] as const;

const out = (text: string): Chunk => ({ stream: 'stdout', bytes: Buffer.from(text) });
const err = (text: string): Chunk => ({ stream: 'stderr', bytes: Buffer.from(text) });

/** Each byte with its stream, so that chunks of any length compare equal. */
const marked = (chunks: readonly Chunk[]): string[] =>
  chunks.flatMap(({ stream, bytes }) => Array.from(bytes, byte => `${stream} ${byte}`));

const push = (headTail: HeadTail, chunks: readonly Chunk[]): Chunk[] =>
  chunks
    .map(chunk => headTail.push(chunk))
    .filter(head => head !== undefined)
    .map(plain);

/** A chunk without its cost. */
const plain = ({ stream, bytes }: Chunk): Chunk => ({ stream, bytes });

const finish = (headTail: HeadTail) => {
  const { dropped, tail } = headTail.finish();
  return { dropped, tail: tail.map(plain) };
};

/** Chunks whose bytes differ from their neighbours, so that a shift by one is detected. */
const anyChunks = fc
  .array(fc.tuple(fc.constantFrom(...STREAMS), fc.oneof(fc.nat(20), fc.nat(6000))), { maxLength: 30 })
  .map(lengths => {
    let next = 0;
    return lengths.map(
      ([stream, length]): Chunk => ({
        stream,
        bytes: Buffer.from(Array.from({ length }, () => next++ % 251)),
      }),
    );
  });

describe('HeadTail', () => {
  it('passes on output that fits in the head', () => {
    const headTail = new HeadTail(10);
    const chunks = [out('ab'), err('c'), out('de')];
    expect([push(headTail, chunks), finish(headTail)]).to.deep.equal([
      chunks,
      { dropped: undefined, tail: [] },
    ]);
  });

  it('drops nothing of output that fits in head and tail', () => {
    const headTail = new HeadTail(10);
    expect([push(headTail, [out('abcdefg'), err('hij')]), finish(headTail)]).to.deep.equal([
      [out('abcde')],
      { dropped: undefined, tail: [out('fg'), err('hij')] },
    ]);
  });

  it('counts the dropped bytes of each stream', () => {
    const headTail = new HeadTail(6);
    expect([push(headTail, [out('abcde'), err('fgh'), out('ij'), err('k')]), finish(headTail)]).to.deep.equal(
      [[out('abc')], { dropped: { stdout: 2, stderr: 3, pty: 0 }, tail: [out('ij'), err('k')] }],
    );
  });

  it('makes the head longer by the odd byte', () => {
    const headTail = new HeadTail(3);
    expect([push(headTail, [out('abcdef')]), finish(headTail)]).to.deep.equal([
      [out('ab')],
      { dropped: { stdout: 3, stderr: 0, pty: 0 }, tail: [out('f')] },
    ]);
  });

  it('keeps exactly the first and last bytes of any output and counts those between', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.integer({ min: 2, max: 64 }), fc.integer({ min: 2, max: 60_000 })),
        anyChunks,
        (maxBytes, chunks) => {
          const headTail = new HeadTail(maxBytes);
          const head = push(headTail, chunks);
          const { dropped = { stdout: 0, stderr: 0, pty: 0 }, tail } = headTail.finish();
          const all = marked(chunks);
          const headBytes = Math.min(all.length, Math.ceil(maxBytes / 2));
          const tailBytes = Math.min(all.length - headBytes, Math.floor(maxBytes / 2));
          const between = all.slice(headBytes, all.length - tailBytes);
          const count = (stream: string) => between.filter(byte => byte.startsWith(stream)).length;
          expect([marked(head), dropped, marked(tail)]).to.deep.equal([
            all.slice(0, headBytes),
            { stdout: count('stdout'), stderr: count('stderr'), pty: count('pty') },
            all.slice(all.length - tailBytes),
          ]);
        },
      ),
    );
  });

  it('keeps many short chunks in few blocks', () => {
    const tailBytes = 64 * 1024;
    const headTail = new HeadTail(2 * tailBytes);
    for (let at = 0; at < 4 * tailBytes; at += 1)
      headTail.push({ stream: 'stdout', bytes: Buffer.of(at % 256) });
    const { dropped, tail } = headTail.finish();
    expect(dropped).to.deep.equal({ stdout: 2 * tailBytes, stderr: 0, pty: 0 });
    expect(tail.length).to.be.at.most(tailBytes / 4096 + 1);
  });

  it('does not keep the buffers that short chunks were read into', () => {
    const headTail = new HeadTail(20_000);
    headTail.push({ stream: 'stdout', bytes: Buffer.alloc(10_000) });
    for (let piece = 0; piece < 1000; piece += 1) {
      headTail.push({ stream: piece % 2 ? 'stdout' : 'stderr', bytes: Buffer.alloc(65_536).subarray(0, 5) });
    }
    const held = new Set(headTail.finish().tail.map(({ bytes }) => bytes.buffer));
    const kept = [...held].reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(kept).to.be.below(5 * 65_536);
  });

  it('has no block that exceeds the smallest credit window', () => {
    const headTail = new HeadTail(400_000);
    for (let read = 0; read < 10; read += 1) {
      headTail.push({ stream: 'stdout', bytes: Buffer.alloc(4095) });
      headTail.push({ stream: 'stdout', bytes: Buffer.alloc(65_536) });
    }
    const longest = Math.max(...headTail.finish().tail.map(({ bytes }) => bytes.length));
    expect(longest).to.be.at.most(MIN_OUTPUT_WINDOW_BYTES);
  });
});

import { expect } from 'chai';
import { type OutputLine, readLines } from '../../src/core/lines.ts';
import type { OutputChunk } from '../../src/core/output-queue.ts';

const chunk = (text: string | Buffer, stream: OutputChunk['stream'] = 'stdout', droppedBefore = 0) => ({
  stream,
  chunk: Buffer.from(text as string),
  ...(droppedBefore > 0 && { droppedBefore }),
});

const linesOf = async (chunks: readonly OutputChunk[], maxLineBytes = 1000): Promise<OutputLine[]> => {
  const output = async function* () {
    yield* chunks;
  };
  const lines: OutputLine[] = [];
  const tooLong = (bytes: number) => new Error(`${bytes} bytes`);
  for await (const line of readLines(output(), maxLineBytes, tooLong)) lines.push(line);
  return lines;
};

const stdout = (...lines: string[]) => lines.map(line => ({ stream: 'stdout', line }));

describe('readLines', () => {
  it('splits at LF and CR LF, across chunks, and keeps empty lines', async () => {
    expect(await linesOf([chunk('a\r'), chunk('\nb'), chunk('c\n\n'), chunk('d\re\n')])).to.deep.equal(
      stdout('a', 'bc', '', 'd\re'),
    );
  });

  it('returns a last line without a line end, and none after a final line end', async () => {
    expect(await linesOf([chunk('a\nb')])).to.deep.equal(stdout('a', 'b'));
    expect(await linesOf([chunk('a\n')])).to.deep.equal(stdout('a'));
    expect(await linesOf([])).to.deep.equal([]);
  });

  it('decodes characters whose bytes are in several chunks', async () => {
    const bytes = Buffer.from('für ☃\n🍺');
    expect(await linesOf(Array.from(bytes, byte => chunk(Buffer.of(byte))))).to.deep.equal(
      stdout('für ☃', '🍺'),
    );
  });

  it('splits each stream by itself', async () => {
    expect(
      await linesOf([chunk('o'), chunk('e', 'stderr'), chunk('1\n'), chunk('2\n', 'stderr')]),
    ).to.deep.equal([
      { stream: 'stdout', line: 'o1' },
      { stream: 'stderr', line: 'e2' },
    ]);
  });

  it('does not join the lines before and after dropped output', async () => {
    expect(await linesOf([chunk('a\nhea'), chunk('tail\nb\n', 'stdout', 7)])).to.deep.equal([
      ...stdout('a', 'hea'),
      { stream: 'stdout', line: 'tail', droppedBefore: 7 },
      ...stdout('b'),
    ]);
  });

  it('fails for a line over the limit, after the lines before it', async () => {
    const failing = linesOf([chunk('short\n'), chunk('x'.repeat(6)), chunk('x'.repeat(6))], 10);
    expect(await failing.catch((error: Error) => error.message)).to.equal('12 bytes');
  });
});

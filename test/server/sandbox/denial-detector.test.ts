import { expect } from 'chai';
import { DenialDetector } from '../../../src/server/sandbox/denial-detector.ts';

const isLikely = (exitCode: number, chunks: readonly string[], network = false) => {
  const denial = new DenialDetector(network);
  for (const chunk of chunks) denial.push(Buffer.from(chunk));
  return denial.isLikely(exitCode);
};

describe('DenialDetector', () => {
  it('judges a failed process by its last output', () => {
    expect({
      files: isLikely(1, ['sh: cannot create x: Read-only file system\n']),
      node: isLikely(1, ["Error: EACCES, open 'x'"]),
      succeeded: isLikely(0, ['Permission denied']),
      other: isLikely(1, ['syntax error']),
      nothing: isLikely(1, []),
      network: isLikely(6, ['curl: (6) Could not resolve host: example.org']),
      allowedNetwork: isLikely(6, ['curl: (6) Could not resolve host: example.org'], true),
    }).to.deep.equal({
      files: true,
      node: true,
      succeeded: false,
      other: false,
      nothing: false,
      network: true,
      allowedNetwork: false,
    });
  });

  it('finds a message across chunks, and forgets output that is long past', () => {
    const past = 'x'.repeat(10_000);
    expect(isLikely(1, ['Permission de', 'nied'])).to.equal(true);
    expect(isLikely(1, [`Permission denied${past}`, past])).to.equal(false);
    expect(isLikely(1, [past, `${past}Permission denied`, past.slice(0, 1000)])).to.equal(true);
  });
});

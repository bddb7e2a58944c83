import { expect } from 'chai';
import { Denial } from '../../../src/server/sandbox/denial.ts';

const likely = (exitCode: number, chunks: readonly string[], network = false) => {
  const denial = new Denial(network);
  for (const chunk of chunks) denial.push(Buffer.from(chunk));
  return denial.likely(exitCode);
};

describe('Denial', () => {
  it('goes by what a process that failed wrote last', () => {
    expect({
      files: likely(1, ['sh: cannot create x: Read-only file system\n']),
      node: likely(1, ["Error: EACCES, open 'x'"]),
      fine: likely(0, ['Permission denied']),
      other: likely(1, ['syntax error']),
      nothing: likely(1, []),
      network: likely(6, ['curl: (6) Could not resolve host: example.org']),
      itsOwnFault: likely(6, ['curl: (6) Could not resolve host: example.org'], true),
    }).to.deep.equal({
      files: true,
      node: true,
      fine: false,
      other: false,
      nothing: false,
      network: true,
      itsOwnFault: false,
    });
  });

  it('finds it across chunks, and forgets what is long past', () => {
    const past = 'x'.repeat(10_000);
    expect(likely(1, ['Permission de', 'nied'])).to.equal(true);
    expect(likely(1, [`Permission denied${past}`, past])).to.equal(false);
    expect(likely(1, [past, `${past}Permission denied`, past.slice(0, 1000)])).to.equal(true);
  });
});

import { expect } from 'chai';
import { describeOutput } from '../../../src/core/unified-exec/result.ts';

describe('describeOutput', () => {
  it('has only the text if nothing is omitted', () => {
    const cut = { head: Buffer.from('tä'), tail: Buffer.alloc(0), omitted: 0, total: 3 };
    expect(describeOutput(cut)).to.deep.equal({
      output: 'tä',
      outputBytes: 3,
      omitted: { bytes: 0, tokens: 0 },
    });
  });

  it('shows the omitted bytes and tokens, rounded up, between head and tail', () => {
    const cut = { head: Buffer.from('head'), tail: Buffer.from('tail'), omitted: 123_457, total: 123_465 };
    expect(describeOutput(cut)).to.deep.equal({
      output: 'head\n… 123457 bytes (≈30865 tokens) of output omitted …\ntail',
      outputBytes: 123_465,
      omitted: { bytes: 123_457, tokens: 30_865 },
    });
  });

  it('has U+FFFD for invalid UTF-8', () => {
    const cut = { head: Buffer.from([0x61, 0xff, 0x62]), tail: Buffer.alloc(0), omitted: 0, total: 3 };
    expect(describeOutput(cut).output).to.equal('a\ufffdb');
  });
});

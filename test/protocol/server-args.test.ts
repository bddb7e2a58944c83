import { expect } from 'chai';
import { MIN_MEMORY_BYTES } from '../../src/protocol/limits.ts';
import { parseSize, serverArgs } from '../../src/protocol/server-args.ts';

describe('serverArgs', () => {
  it('recognises both spellings of a server, with and without its options', () => {
    const all = [
      '--stdio',
      '--listen stdio',
      '--stdio --memory-limit 64M',
      '--listen stdio --memory-limit 1G',
      '--stdio --log-calls',
      '--stdio --memory-limit 64M --log-calls',
    ];
    expect(all.map(text => serverArgs(text.split(' ')))).to.deep.equal([
      {},
      {},
      { memoryBytes: 64 * 1024 ** 2 },
      { memoryBytes: 1024 ** 3 },
      { logCalls: true },
      { memoryBytes: 64 * 1024 ** 2, logCalls: true },
    ]);
  });

  it('returns undefined for any other command line', () => {
    const others = ['', 'run ls', '--stdio --tty', '--memory-limit 64M --stdio', '--stdio --memory-limit'];
    expect(others.map(text => serverArgs(text.split(' ')))).to.deep.equal(others.map(() => undefined));
    expect(serverArgs(['--stdio', '--memory-limit', '1M'])).to.equal(undefined);
  });
});

describe('parseSize', () => {
  it('parses bytes and powers of 1,024', () => {
    expect(['33554432', '32768K', '32M', '2G'].map(parseSize)).to.deep.equal([
      MIN_MEMORY_BYTES,
      MIN_MEMORY_BYTES,
      MIN_MEMORY_BYTES,
      2 * 1024 ** 3,
    ]);
  });

  it('refuses other text and sizes below the minimum', () => {
    const wrong = ['', 'M', '-64M', '64m', '64 M', '1e9', '0x40M', '64MB', '31M', '33554431'];
    expect(wrong.map(parseSize)).to.deep.equal(wrong.map(() => undefined));
  });
});

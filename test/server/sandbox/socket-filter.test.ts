import { expect } from 'chai';
import { socketFilter } from '../../../src/server/sandbox/socket-filter.ts';

const X64 = 0xc000003e;
const [ALLOW, KILL, EPERM, ENOSYS] = [0x7fff0000, 0x80000000, 0x00050001, 0x00050026];

/** Interprets the instructions that the filter uses, as the kernel does. */
const run = (program: Buffer, arch: number, number: number, args: readonly bigint[] = []): number => {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number, 0);
  data.writeUInt32LE(arch, 4);
  args.forEach((arg, index) => {
    data.writeBigUInt64LE(arg, 16 + 8 * index);
  });
  let loaded = 0;
  for (let at = 0; at < program.length / 8; at += 1) {
    const [code, ifTrue, ifFalse, k] = [
      program.readUInt16LE(at * 8),
      program.readUInt8(at * 8 + 2),
      program.readUInt8(at * 8 + 3),
      program.readUInt32LE(at * 8 + 4),
    ];
    if (code === 0x20) loaded = data.readUInt32LE(k);
    else if (code === 0x54) loaded &= k;
    else if (code === 0x15) at += loaded === k ? ifTrue : ifFalse;
    else if (code === 0x35) at += loaded >= k ? ifTrue : ifFalse;
    else if (code === 0x06) return k;
    else throw new Error(`unknown instruction: ${code}`);
  }
  throw new Error('the program does not return');
};

describe('socketFilter', () => {
  const program = socketFilter('x64') as Buffer;
  const call = (number: number, ...args: number[]) => run(program, X64, number, args.map(BigInt));

  it('refuses all socket families except those that a network namespace isolates', () => {
    const allowed = Array.from({ length: 64 }, (_, family) => family).filter(
      family => call(41, family, 1) === ALLOW,
    );
    expect(allowed).to.deep.equal([2, 10, 16]);
    expect([call(41, 1, 1), call(41, 40, 1), call(41, 1, 2)]).to.deep.equal([EPERM, EPERM, EPERM]);
  });

  it('compares the lower half of the family, as the kernel does', () => {
    expect(run(program, X64, 41, [(1n << 32n) | 1n, 1n])).to.equal(EPERM);
  });

  it('allows pairs of sockets that stay connected', () => {
    const types = [1, 2, 3, 4, 5, 1 | 0o2000000 | 0o4000, 2 | 0o2000000];
    expect(types.map(type => call(53, 1, type))).to.deep.equal([
      ALLOW,
      EPERM,
      EPERM,
      EPERM,
      ALLOW,
      ALLOW,
      EPERM,
    ]);
    expect(call(53, 30, 1)).to.equal(EPERM);
  });

  it('allows other system calls, and refuses those that bypass the filter', () => {
    expect([0, 1, 42, 59, 424, 426, 450].map(number => call(number))).to.deep.equal(Array(7).fill(ALLOW));
    expect([call(425), call(0x40000000 + 41, 1, 1)]).to.deep.equal([ENOSYS, ENOSYS]);
    expect(run(program, 0x40000003, 102)).to.equal(KILL);
  });

  it('supports other architectures, and returns undefined for an unknown one', () => {
    const arm = socketFilter('arm64') as Buffer;
    expect([
      run(arm, 0xc00000b7, 198, [1n]),
      run(arm, 0xc00000b7, 198, [2n]),
      run(arm, X64, 41, [2n]),
    ]).to.deep.equal([EPERM, ALLOW, KILL]);
    expect(socketFilter('mips')).to.equal(undefined);
  });
});

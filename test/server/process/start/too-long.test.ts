import { expect } from 'chai';
import { describeTooLong } from '../../../../src/server/process/start/too-long.ts';

describe('describeTooLong', () => {
  const describeFor = (platform: NodeJS.Platform, args: string[], env: Record<string, string>) =>
    describeTooLong({ argv: ['x', ...args], cwd: '/', env, platform });

  it('names a variable that is longer than the limit of Linux, with its bytes', () => {
    const text = describeFor('linux', ['planted'], { A: 'planted', LONG: 'ä'.repeat(70_000) });
    expect(text).to.equal('the variable LONG has 140006 bytes; the limit of Linux is 131072');
  });

  it('reports an argument that is too long', () => {
    expect(describeFor('linux', ['x'.repeat(200_000)], {})).to.equal(
      'an argument has 200001 bytes; the limit of Linux is 131072',
    );
  });

  it('reports the sum, the limit and the longest if each is short enough', function () {
    if (process.platform !== 'linux') return this.skip();
    const text = describeFor('linux', ['arg'], { A: '1', LONG: 'planted'.repeat(10) });
    // x, arg, A=1 and LONG=…, each with NUL and a pointer.
    expect(text).to.match(
      /^arguments and variables have 118 bytes with their pointers; the limit is \d+, a quarter of the stack \(ulimit -s\); the longest is the variable LONG with 76 bytes$/,
    );
  });

  it('reports no limit of another system', () => {
    expect(describeFor('darwin', [], { A: '1' })).to.equal(
      'arguments and variables have 22 bytes with their pointers; the longest is the variable A with 4 bytes',
    );
  });
});

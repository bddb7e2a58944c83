import { expect } from 'chai';
import { signalExitCode } from '../../src/system/signal-exit-code.ts';

describe('signalExitCode', () => {
  it('returns 128 + the number of the signal', () => {
    expect(
      (['SIGHUP', 'SIGINT', 'SIGKILL', 'SIGPIPE', 'SIGTERM'] as const).map(signalExitCode),
    ).to.deep.equal([129, 130, 137, 141, 143]);
  });

  it('returns 128 + the number of a real-time signal, which has no name', () => {
    expect(['SIG34', 'SIG64'].map(name => signalExitCode(name as NodeJS.Signals))).to.deep.equal([162, 192]);
  });
});

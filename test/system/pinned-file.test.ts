import { expect } from 'chai';
import { ptyUnavailable } from '../../src/server/process/pty/pty-binding.ts';
import { startOnPty } from '../../src/server/process/pty/start-on-pty.ts';
import { pinTerminal } from '../../src/system/pinned-file.ts';
import { openLinks } from '../server/support/descriptors.ts';

const hasTerminals = ptyUnavailable() === undefined && process.platform === 'linux';

(hasTerminals ? describe : describe.skip)('pinTerminal', () => {
  /** A terminal whose only user has already ended. */
  const unused = async () => {
    const child = startOnPty({
      argv: ['true'],
      arg0: undefined,
      cwd: '/',
      env: { PATH: process.env.PATH ?? '/usr/bin:/bin' },
      pathFrom: undefined,
      size: { columns: 80, rows: 24 },
      platform: process.platform,
    });
    return { ...child, ended: new Promise<void>(resolve => child.onExit(() => resolve())) };
  };

  it('keeps its number from the terminals that follow, until it is released', async () => {
    const first = await unused();
    const kept = pinTerminal(first.terminal);
    await first.ended;
    first.destroy();
    const later = await Promise.all(Array.from({ length: 5 }, unused));
    await Promise.all(later.map(({ ended }) => ended));
    for (const { destroy } of later) destroy();
    expect(kept?.path).to.equal(first.terminal);
    expect(later.map(({ terminal }) => terminal)).not.to.include(first.terminal);
    // Other descriptors of this process may be closing at their own pace.
    const held = () =>
      openLinks().filter(link => [first.terminal, `${first.terminal} (deleted)`].includes(link)).length;
    const before = held();
    kept?.release();
    expect([before, held()]).to.deep.equal([1, 0]);
  });

  it('cannot keep what is not there', () => {
    expect(pinTerminal('/dev/pts/none')).to.equal(undefined);
  });
});

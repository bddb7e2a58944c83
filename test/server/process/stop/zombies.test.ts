import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';
import { skipUnavailable } from '../../../support/skip-unavailable.ts';

const SHELLS = [['sh'], ['dash'], ['bash', '--norc', '--posix'], ['busybox', 'sh']];

/** The command that runs a program as PID 1 of a namespace. */
const AS_PID_ONE = [
  'unshare',
  ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']),
  ...['--pid', '--fork', '--mount-proc'],
] as const;

(process.platform === 'linux' ? describe : describe.skip)('a group of zombies', () => {
  it('has ended, also for the watchdog, if PID 1 does not reap them', function () {
    const [unshare, ...options] = AS_PID_ONE;
    if (spawnSync(unshare, [...options, 'true']).status !== 0)
      skipUnavailable(this, 'this system does not let unshare create a PID namespace');
    const shells = SHELLS.filter(([shell]) => spawnSync(shell as string, ['-c', ':']).error === undefined);
    const fixture = join(import.meta.dirname, 'fixtures/pid-one.ts');
    const node = [process.execPath, '--import', 'tsx', fixture, JSON.stringify(shells)];
    const { stdout, stderr } = spawnSync(unshare, [...options, ...node], { encoding: 'utf8' });
    expect(stderr).to.equal('');
    expect(JSON.parse(stdout)).to.deep.equal({
      members: 2,
      left: [true, true, false],
      watchdogs: shells.map(() => [false, true]),
      living: [false, true],
    });
  });
});

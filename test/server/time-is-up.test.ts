import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { timeIsUp } from '../../src/server/time-is-up.ts';

describe('timeIsUp', () => {
  it('comes after the time', async () => {
    const begin = performance.now();
    await timeIsUp(20);
    // The clock of the timers may be a millisecond behind.
    expect(performance.now() - begin).to.be.at.least(19);
  });

  it('comes after what happened in it, though this process was held up', async function () {
    if (process.platform !== 'linux') this.skip();
    const child = spawn('cat', { stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdout.resume();
    const closed = once(child, 'close').then(() => 'closed');
    const late = timeIsUp(1).then(() => 'late');
    child.kill();
    const isOver = () => readFileSync(`/proc/${child.pid}/stat`, 'utf8').includes(') Z ');
    for (const begin = performance.now(); !isOver() || performance.now() - begin < 10; );
    expect(await Promise.race([late, closed])).to.equal('closed');
  });
});

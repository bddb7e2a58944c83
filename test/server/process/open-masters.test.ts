import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { expect } from 'chai';
import { coverMasters } from '../../../src/server/process/open-masters.ts';
import { startOnPty } from '../../../src/server/process/pty.ts';
import { ptyUnavailable } from '../../../src/server/process/pty-binding.ts';

const hasTerminals = ptyUnavailable() === undefined && process.platform === 'linux';

(hasTerminals ? describe : describe.skip)('coverMasters', () => {
  it('keeps open terminals from a child on pipes', async () => {
    const terminals = [startCat(), startCat()];
    const child = spawn('cat', { stdio: coverMasters(['pipe', 'pipe', 'pipe']) });
    // Once it answers it has closed what it doesn't inherit.
    child.stdin?.write('x');
    await once(child.stdout as Readable, 'data');
    const open = readdirSync(`/proc/${child.pid}/fd`).map(fd => readlinkSync(`/proc/${child.pid}/fd/${fd}`));
    const closed = once(child, 'close');
    child.stdin?.end();
    await closed;
    await Promise.all(
      terminals.map(terminal => {
        const exit = new Promise<void>(resolve => terminal.onExit(() => resolve()));
        terminal.destroy();
        return exit;
      }),
    );
    expect(open.filter(target => /ptmx|\/pts\//.test(target))).to.deep.equal([]);
  });

  it('changes nothing while no terminal is open', () => {
    expect(coverMasters(['ignore', 'pipe', 'pipe'])).to.deep.equal(['ignore', 'pipe', 'pipe']);
  });
});

const startCat = () =>
  startOnPty({
    argv: ['cat'],
    arg0: undefined,
    cwd: '/',
    env: { PATH: process.env.PATH ?? '/usr/bin:/bin' },
    size: { columns: 80, rows: 24 },
    platform: process.platform,
  });

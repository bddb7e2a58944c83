import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import { onceEnded } from '../../src/system/child-reaper.ts';
import { libcUnavailable, loadLibc } from '../../src/system/libc.ts';
import { readProc } from '../../src/system/process-table.ts';
import { spawnOnTerminal } from '../../src/system/spawn-on-terminal.ts';
import { until } from '../support/until.ts';

(libcUnavailable() === undefined ? describe : describe.skip)('onceEnded', () => {
  const run = (script: string) =>
    spawnOnTerminal(
      { file: '/bin/sh', argv: ['sh', '-c', script], env: {}, cwd: '/', terminal: '/dev/null' },
      loadLibc(),
    );
  const ended = (pid: number) => new Promise(resolve => onceEnded(pid, (...end) => resolve(end)));

  it('reports the ends of many children that end together', async () => {
    const scripts = ['exit 0', 'exit 255', 'kill -KILL $$', 'kill -40 $$', 'kill -SEGV $$'];
    expect(await Promise.all(scripts.map(run).map(ended))).to.deep.equal([
      [0, 0],
      [255, 0],
      [0, 9],
      [0, 40],
      [0, 11],
    ]);
  });

  it('leaves the children of Node to Node, and listens for one signal only', async () => {
    await ended(run('exit 0'));
    // Other tests in this process may have loaded the module from another file.
    const listeners = process.listenerCount('SIGCHLD');
    const child = spawn('/bin/sh', ['-c', 'exit 5']);
    expect(await ended(run('exit 6'))).to.deep.equal([6, 0]);
    if (child.exitCode === null) await once(child, 'exit');
    expect([child.exitCode, process.listenerCount('SIGCHLD')]).to.deep.equal([5, listeners]);
  });

  it('hears of a child that ended before it was asked', async () => {
    const pid = run('exit 7');
    await until(() => readProc().get(pid)?.state === 'Z', 'it has not ended');
    expect(await ended(pid)).to.deep.equal([7, 0]);
  });
});

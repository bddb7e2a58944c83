import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { watchForShell } from '../../src/core/detect-shell-echo.ts';

/** Number of times that a shell is found in stderr, written piece by piece. */
const found = (...pieces: string[]): number => {
  let times = 0;
  const stderr = new PassThrough();
  watchForShell(stderr, () => {
    times += 1;
  });
  for (const piece of pieces) stderr.emit('data', Buffer.from(piece));
  return times;
};

describe('watchForShell', () => {
  for (const complaint of [
    'bash: line 1: Content-Length:: command not found\n',
    'zsh: command not found: Content-Length:\n',
    'fish: Unknown command: Content-Length:\n',
    'Content-Length:: Too many arguments.\n',
  ]) {
    it(`finds the shell that prints: ${complaint.trim()}`, () => {
      expect(found(complaint)).to.equal(1);
    });
  }

  it('finds a shell once, after any amount of other output, and across chunks', () => {
    expect(found('x'.repeat(100_000), 'zsh: command not found: Content-', 'Length:\n')).to.equal(1);
    expect(found('Content-Length:\n', 'Content-Length:\n')).to.equal(1);
  });

  it('finds no shell in the output of ssh and servers', () => {
    expect(found('Warning: Permanently added devbox.\n', 'exec-server: not UTF-8: X\n')).to.equal(0);
  });

  it('can be stopped', () => {
    let times = 0;
    const stderr = new PassThrough();
    const stop = watchForShell(stderr, () => {
      times += 1;
    });
    stop();
    stderr.emit('data', Buffer.from('Content-Length:\n'));
    expect(times).to.equal(0);
    expect(stderr.listenerCount('data')).to.equal(0);
  });
});

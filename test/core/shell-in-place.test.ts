import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { watchForShell } from '../../src/core/shell-in-place.ts';

/** How often a watch finds a shell in what is written piece by piece. */
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
    it(`finds the shell that says ${complaint.trim()}`, () => {
      expect(found(complaint)).to.equal(1);
    });
  }

  it('finds it in pieces, behind any amount of other words, and once', () => {
    expect(found('x'.repeat(100_000), 'zsh: command not found: Content-', 'Length:\n')).to.equal(1);
    expect(found('Content-Length:\n', 'Content-Length:\n')).to.equal(1);
  });

  it('finds none in what ssh and servers say', () => {
    expect(found('Warning: Permanently added devbox.\n', 'exec-server: not UTF-8: X\n')).to.equal(0);
  });

  it('can be ended', () => {
    let times = 0;
    const stderr = new PassThrough();
    const end = watchForShell(stderr, () => {
      times += 1;
    });
    end();
    stderr.emit('data', Buffer.from('Content-Length:\n'));
    expect(times).to.equal(0);
    expect(stderr.listenerCount('data')).to.equal(0);
  });
});

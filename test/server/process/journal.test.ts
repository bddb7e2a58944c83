import { expect } from 'chai';
import { settle } from '../support/slow-client.ts';
import { fakeProcess } from './support/fake-process.ts';
import { order, paramsOf } from './support/messages.ts';

describe('Journal', () => {
  describe('seq', () => {
    it('increases by one with each message, even if output was dropped', async () => {
      const { client, print, endStreams, exit, stderr } = fakeProcess({ headTailBytes: 4 });
      for (const text of ['a', 'b', 'c', 'd', 'e']) await print(text);
      stderr.write('fgh');
      await settle();
      await endStreams();
      exit(0);
      await settle();
      expect([order(client), paramsOf(client, 'process/outputDropped')]).to.deep.equal([
        ['1 output', '2 output', '3 outputDropped', '4 output', '5 exited', '6 closed'],
        [{ processId: 'p', seq: 3, bytes: { stdout: 3, stderr: 1, pty: 0 } }],
      ]);
    });

    it('sends the number of bytes of each stream with closed', async () => {
      const { client, print, endStreams, exit, stderr } = fakeProcess({ headTailBytes: 4 });
      await print('abcdef');
      stderr.write('xy');
      await endStreams();
      exit(0);
      await settle();
      const sent = paramsOf(client, 'process/output').map(({ stream, chunk }) => [stream, atob(chunk)]);
      expect([sent, paramsOf(client, 'process/closed')[0].bytes]).to.deep.equal([
        [
          ['stdout', 'ab'],
          ['stderr', 'xy'],
        ],
        { stdout: 2, stderr: 2, pty: 0 },
      ]);
    });

    it('begins at 1', async () => {
      const { managed, print } = fakeProcess();
      const seen = [managed.journal.nextSeq];
      await print('x');
      seen.push(managed.journal.nextSeq);
      expect(seen).to.deep.equal([1, 2]);
    });
  });

  it('calls listeners of the next change once: output, exit or close', async () => {
    const { managed, print, exit, endStreams } = fakeProcess();
    const changes: string[] = [];
    managed.journal.onNextChange(() => changes.push('output'));
    const forget = managed.journal.onNextChange(() => changes.push('forgotten'));
    const waiting = [managed.journal.listenerCount];
    forget();
    waiting.push(managed.journal.listenerCount);
    await print('x');
    await print('y');
    waiting.push(managed.journal.listenerCount);
    // A listener that is added by a listener waits for the next change.
    managed.journal.onNextChange(() => {
      changes.push('exit');
      managed.journal.onNextChange(() => changes.push('close'));
    });
    exit(0);
    await endStreams();
    expect([waiting, changes]).to.deep.equal([
      [2, 1, 0],
      ['output', 'exit', 'close'],
    ]);
  });

  it('retains the latest output up to its limit', async () => {
    const { managed, print } = fakeProcess({ retainedBytes: 2 });
    for (const text of ['a', 'b', 'c']) await print(text);
    const { chunks, droppedBytes } = managed.journal.read(0, 1000);
    expect([
      chunks.map(({ seq, bytes }) => [seq, String(bytes)]),
      droppedBytes,
      managed.journal.retainedBytes,
    ]).to.deep.equal([
      [
        [2, 'b'],
        [3, 'c'],
      ],
      1,
      258,
    ]);
  });
});

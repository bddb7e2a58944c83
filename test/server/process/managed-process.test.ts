import { expect } from 'chai';
import { fakeProcess } from './support/fake-process.ts';

describe('ManagedProcess', () => {
  it('writes to stdin until it is closed', async () => {
    const { managed, stdin } = fakeProcess();
    const statuses = [
      await managed.stdin.write(Buffer.from('a'), '1'),
      await managed.stdin.write(Buffer.from('a'), '1'),
    ];
    managed.stdin.end();
    statuses.push(await managed.stdin.write(Buffer.from('b'), '2'));
    expect([statuses, String(await stdin.toArray())]).to.deep.equal([
      ['accepted', 'accepted', 'stdinClosed'],
      'a',
    ]);
  });

  it('ends its stdin at the close', async () => {
    const { managed, stdin, endStreams, exit } = fakeProcess();
    exit(0);
    await endStreams();
    expect([stdin.writableEnded, await managed.stdin.write(Buffer.from('x'), undefined)]).to.deep.equal([
      true,
      'stdinClosed',
    ]);
  });
});

import { expect } from 'chai';
import { type FileHandlers, fileHandlers } from '../../../src/server/files/file-methods.ts';
import { inPathOrder } from '../../../src/server/files/ordered-handlers.ts';
import { deferred } from '../../../src/system/deferred.ts';
import { refusal } from './support/scratch.ts';

const nextTurn = () => new Promise(setImmediate);

describe('inPathOrder', () => {
  let calls: string[];
  let finish: Array<() => void>;
  let handlers: FileHandlers;

  beforeEach(() => {
    calls = [];
    finish = [];
    const recording = fileHandlers(method => () => {
      const { promise, resolve } = deferred<never>();
      calls.push(method);
      finish.push(resolve as () => void);
      return promise;
    });
    handlers = inPathOrder(recording, 'linux');
  });

  const open = (handleId: string, path: string, mode: 'read' | 'replace' = 'replace') =>
    handlers['fs/open']({
      handleId,
      path,
      mode,
      atomic: false,
      fileMode: undefined,
      sandbox: undefined,
      followSymlinks: undefined,
    });
  const read = (path: string) =>
    handlers['fs/readFile']({ path, sandbox: undefined, followSymlinks: undefined });

  it('orders the blocks of a handle with requests for the path that it was opened with', async () => {
    void open('h', '/a');
    void handlers['fs/writeBlock']({ handleId: 'h', offset: 0, chunk: Buffer.from('x') });
    void read('/a');
    void read('/b');
    expect(calls).to.deep.equal(['fs/open', 'fs/readFile']);
    finish[0]?.();
    await nextTurn();
    expect(calls).to.deep.equal(['fs/open', 'fs/readFile', 'fs/writeBlock']);
    finish[2]?.();
    await nextTurn();
    expect(calls).to.deep.equal(['fs/open', 'fs/readFile', 'fs/writeBlock', 'fs/readFile']);
  });

  it('forgets the path of a handle that is closed', async () => {
    void open('h', '/a');
    void handlers['fs/close']({
      handleId: 'h',
      discard: false,
      expectSize: undefined,
      expectSha256: undefined,
    });
    finish[0]?.();
    await nextTurn();
    finish[1]?.();
    await nextTurn();
    void open('h', '/b');
    void read('/a');
    expect(calls.slice(2)).to.deep.equal(['fs/open', 'fs/readFile']);
  });

  it('refuses handle ids that are too long', async () => {
    expect(await refusal(open('x'.repeat(33), '/a'))).to.deep.equal({
      code: -32600,
      kind: 'outOfRange',
      field: 'handleId',
      current: 33,
      min: 0,
      max: 32,
    });
  });
});

import { getEventListeners } from 'node:events';
import { expect } from 'chai';
import { settledWithin } from '../../../src/core/unified-exec/settled.ts';

const never = new Promise(() => {});

describe('settledWithin', () => {
  it('tells that a promise has settled, resolved or rejected', async () => {
    const settled = [Promise.resolve(), Promise.reject(new Error('no matter'))];
    expect(await Promise.all(settled.map(promise => settledWithin(promise, 60_000)))).to.deep.equal([
      'settled',
      'settled',
    ]);
  });

  it('tells that the time is up', async () => {
    expect(await settledWithin(never, 1)).to.equal('late');
  });

  it('tells of an abort, also one that was before', async () => {
    const controller = new AbortController();
    const waits = settledWithin(never, 60_000, controller.signal);
    controller.abort();
    expect(await waits).to.equal('aborted');
    expect(await settledWithin(never, 60_000, controller.signal)).to.equal('aborted');
  });

  it('leaves no listener behind', async () => {
    const { signal } = new AbortController();
    await settledWithin(Promise.resolve(), 60_000, signal);
    expect(getEventListeners(signal, 'abort')).to.deep.equal([]);
  });
});

import { expect } from 'chai';
import { PendingStart } from '../../../../src/server/process/start/pending-start.ts';

describe('PendingStart', () => {
  const refused = new Error('cancelled');
  const never = new Promise<never>(() => {});
  const outcome = (promise: Promise<unknown>) => promise.catch((error: unknown) => ({ rejected: error }));

  it('waits for a promise', async () => {
    const start = new PendingStart();
    expect(await start.waitFor(Promise.resolve(7))).to.equal(7);
    expect(await outcome(start.waitFor(Promise.reject(refused)))).to.deep.equal({ rejected: refused });
  });

  it('ends the wait when it is cancelled', async () => {
    const start = new PendingStart();
    const waiting = outcome(start.waitFor(never));
    start.cancel(refused);
    start.cancel(new Error('later'));
    expect(await waiting).to.deep.equal({ rejected: refused });
  });

  it('can be cancelled only while it waits', async () => {
    const start = new PendingStart();
    start.cancel(refused);
    expect(await start.waitFor(Promise.resolve('first'))).to.equal('first');
    start.cancel(refused);
    expect(await start.waitFor(Promise.resolve('second'))).to.equal('second');
  });
});

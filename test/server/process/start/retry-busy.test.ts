import { expect } from 'chai';
import { launchFailed } from '../../../../src/protocol/errors.ts';
import { BUSY_RETRIES } from '../../../../src/server/process/limits.ts';
import { retryBusy } from '../../../../src/server/process/start/retry-busy.ts';

describe('retryBusy', () => {
  const failure = (errno: string) => launchFailed(errno, { stage: 'spawn', errno, path: '/p' });
  const here = <Value>(promise: Promise<Value>) => promise;

  it('starts before the first await, once if that succeeds', async () => {
    let starts = 0;
    const started = retryBusy(() => ++starts, here);
    expect(starts).to.equal(1);
    expect([await started, starts]).to.deep.equal([1, 1]);
  });

  it('repeats a start while the file is busy, a limited number of times', async () => {
    const busy = failure('ETXTBSY');
    let starts = 0;
    const outcome = await retryBusy(() => {
      starts += 1;
      throw busy;
    }, here).catch(error => error);
    expect([outcome, starts]).to.deep.equal([busy, BUSY_RETRIES + 1]);
  });

  it('does not repeat a start that fails for another reason', async () => {
    let starts = 0;
    const outcome = await retryBusy(async () => {
      starts += 1;
      throw failure('ENOENT');
    }, here).catch(error => error.data.errno);
    expect([outcome, starts]).to.deep.equal(['ENOENT', 1]);
  });

  it('does not start it after it is cancelled', async () => {
    const cancelled = new Error('cancelled');
    let starts = 0;
    const outcome = await retryBusy(
      () => {
        starts += 1;
        throw failure('ETXTBSY');
      },
      () => Promise.reject(cancelled),
    ).catch(error => error);
    expect([outcome, starts]).to.deep.equal([cancelled, 1]);
  });
});

import { expect } from 'chai';
import { DeadlineError, within } from '../../../src/cli/doctor/deadline.ts';

describe('within', () => {
  it('has the result of a step in time, or its error', async () => {
    expect(await within(60_000, Promise.resolve(7))).to.equal(7);
    const error = new Error('failed');
    expect(await within(60_000, Promise.reject(error)).catch(error => error)).to.equal(error);
  });

  it('waits no longer than it was told, and takes no notice of what comes later', async () => {
    let fail: (error: Error) => void = () => {};
    const step = new Promise<never>((_, reject) => {
      fail = reject;
    });
    const error = await within(10, step).catch(error => error);
    expect(error).to.be.instanceOf(DeadlineError);
    expect(error.message).to.equal('no answer within 0.01 s');
    fail(new Error('late'));
  });
});

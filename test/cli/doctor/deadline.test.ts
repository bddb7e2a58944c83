import { expect } from 'chai';
import { DeadlineError, within } from '../../../src/cli/doctor/deadline.ts';

describe('within', () => {
  it('returns the result of a check, or throws its error', async () => {
    expect(await within(60_000, Promise.resolve(7))).to.equal(7);
    const error = new Error('failed');
    expect(await within(60_000, Promise.reject(error)).catch(error => error)).to.equal(error);
  });

  it('throws at the time limit, and ignores a later error', async () => {
    let fail: (error: Error) => void = () => {};
    const check = new Promise<never>((_, reject) => {
      fail = reject;
    });
    const error = await within(10, check).catch(error => error);
    expect(error).to.be.instanceOf(DeadlineError);
    expect(error.message).to.equal('no answer within 0.01 s');
    fail(new Error('late'));
  });
});

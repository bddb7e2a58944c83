import { expect } from 'chai';
import { deferred } from '../../src/system/deferred.ts';
import { Semaphore } from '../../src/system/semaphore.ts';

/** Runs this number of tasks concurrently. Returns which have started, and ends them. */
const runTasks = (semaphore: Semaphore, count: number) => {
  const started: number[] = [];
  const tasks = Array.from({ length: count }, (_, index) => {
    const { promise, resolve, reject } = deferred<void>();
    const done = semaphore.run(() => {
      started.push(index);
      return promise;
    });
    done.catch(() => {});
    return { resolve, reject, done };
  });
  const settled = () => new Promise(setImmediate);
  return {
    end: async (index: number) => tasks[index]?.resolve(),
    fail: async (index: number, error: Error) => tasks[index]?.reject(error),
    done: (index: number) => tasks[index]?.done,
    started: async () => {
      await settled();
      return [...started];
    },
  };
};

describe('Semaphore', () => {
  it('starts tasks up to its capacity, and the others in the order of the calls', async () => {
    const tasks = runTasks(new Semaphore(2), 4);
    expect(await tasks.started()).to.deep.equal([0, 1]);
    await tasks.end(1);
    expect(await tasks.started()).to.deep.equal([0, 1, 2]);
    await tasks.end(0);
    expect(await tasks.started()).to.deep.equal([0, 1, 2, 3]);
  });

  it('frees the place of a task that fails', async () => {
    const tasks = runTasks(new Semaphore(1), 2);
    await tasks.fail(0, new Error('failed'));
    expect(await tasks.started()).to.deep.equal([0, 1]);
    expect(await Promise.resolve(tasks.done(0)).catch(error => error.message)).to.equal('failed');
  });

  it('can be used again after all tasks have ended', async () => {
    const semaphore = new Semaphore(2);
    for (let round = 0; round < 3; round += 1) {
      const tasks = runTasks(semaphore, 3);
      for (const index of [0, 1, 2]) await tasks.end(index);
      expect(await tasks.started()).to.deep.equal([0, 1, 2]);
    }
  });
});

import { spawn } from 'node:child_process';
import { getEventListeners, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { deadline, pollUntil, settledWithin, startTimer } from '../../src/system/deadline.ts';
import { until } from '../support/until.ts';

const LONG_MS = 60_000;
const never = new Promise(() => {});

/** Ends a child and blocks this process until the kernel knows, and 10 ms more: its end and a short timer are both due. */
const stallOver = (child: ReturnType<typeof spawn>): void => {
  child.kill();
  const isOver = () => readFileSync(`/proc/${child.pid}/stat`, 'utf8').includes(') Z ');
  for (const begin = performance.now(); !isOver() || performance.now() - begin < 10; );
};

const cat = () => {
  const child = spawn('cat', { stdio: ['pipe', 'pipe', 'ignore'] });
  child.stdout.resume();
  return child;
};

describe('deadline', () => {
  it('has time left until it has passed, and then none', async () => {
    const [far, near] = [deadline(LONG_MS), deadline(0)];
    await until(() => near.passed, 'it has not passed');
    expect(far.remainingMs).to.be.within(1, LONG_MS);
    expect([far.passed, near.remainingMs]).to.deep.equal([false, 0]);
  });

  it('does not move with the date', async () => {
    const real = Date.now;
    try {
      const end = deadline(1);
      Date.now = () => 0;
      await until(() => end.passed, 'it has not passed');
      const far = deadline(LONG_MS);
      Date.now = () => real() + 24 * 60 * LONG_MS;
      expect(far.passed).to.equal(false);
    } finally {
      Date.now = real;
    }
  });
});

describe('startTimer', () => {
  it('calls back once the time is over', async () => {
    const begin = performance.now();
    await new Promise<void>(resolve => startTimer(20, resolve));
    // The clock of the timers may be a millisecond behind.
    expect(performance.now() - begin).to.be.at.least(19);
  });

  it('calls back after the events of that time, though this process stalled', async function () {
    if (process.platform !== 'linux') this.skip();
    const order: string[] = [];
    const child = cat();
    const closed = once(child, 'close').then(() => order.push('closed'));
    const late = new Promise<void>(resolve => startTimer(1, resolve)).then(() => order.push('late'));
    stallOver(child);
    await Promise.all([closed, late]);
    expect(order).to.deep.equal(['closed', 'late']);
  });

  it('never calls back once it is cancelled, not even in the turns after its time', async () => {
    let called = 0;
    const first = startTimer(0, () => {
      called += 1;
    });
    first.cancel();
    first.cancel();
    const second = startTimer(0, () => {
      called += 1;
    });
    // Its time is over, and its last turn is yet to come.
    await new Promise(resolve => setTimeout(resolve, 1));
    await new Promise(resolve => setImmediate(resolve));
    second.cancel();
    await new Promise<void>(resolve => startTimer(5, resolve));
    expect(called).to.equal(0);
  });

  it('waits for any number of milliseconds, unlike setTimeout', async () => {
    const fired: number[] = [];
    const timers = [2 ** 31, Number.MAX_SAFE_INTEGER].map(ms => startTimer(ms, () => fired.push(ms)));
    await new Promise<void>(resolve => startTimer(5, resolve));
    for (const timer of timers) timer.cancel();
    expect(fired).to.deep.equal([]);
  });
});

describe('settledWithin', () => {
  it('says that a promise has settled, resolved or rejected', async () => {
    const settled = [Promise.resolve(), Promise.reject(new Error('no matter'))];
    expect(await Promise.all(settled.map(promise => settledWithin(promise, LONG_MS)))).to.deep.equal([
      'settled',
      'settled',
    ]);
  });

  it('says that the time is over', async () => {
    expect(await settledWithin(never, 1)).to.equal('late');
  });

  it('counts what settled in time as settled, though this process stalled', async function () {
    if (process.platform !== 'linux') this.skip();
    const child = cat();
    const wait = settledWithin(once(child, 'close'), 1);
    stallOver(child);
    expect(await wait).to.equal('settled');
  });

  it('says that it was aborted, also before it began', async () => {
    const controller = new AbortController();
    const wait = settledWithin(never, LONG_MS, controller.signal);
    controller.abort();
    expect(await wait).to.equal('aborted');
    expect(await settledWithin(never, LONG_MS, controller.signal)).to.equal('aborted');
  });

  it('leaves no listener behind', async () => {
    const { signal } = new AbortController();
    await settledWithin(Promise.resolve(), LONG_MS, signal);
    expect(getEventListeners(signal, 'abort')).to.deep.equal([]);
  });
});

describe('pollUntil', () => {
  it('ends as soon as the condition holds', async () => {
    let looks = 0;
    expect(await pollUntil(() => ++looks === 3, LONG_MS, 1)).to.equal(true);
    expect(looks).to.equal(3);
  });

  it('checks at least once, and ends when the time is over', async () => {
    let looks = 0;
    expect(await pollUntil(async () => ++looks === 1, 0, 1)).to.equal(true);
    expect(await pollUntil(() => false, 0, 1)).to.equal(false);
  });
});

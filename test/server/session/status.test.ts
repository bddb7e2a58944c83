import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { version } from '../../../src/protocol/version.ts';
import { statusReporter } from '../../../src/server/session/status.ts';
import { openLinks } from '../support/descriptors.ts';

const NO_DELAY = { mean: 0, p99: 0, max: 0 };

/** Keeps the event loop busy. */
const block = (ms: number) => {
  for (const end = performance.now() + ms; performance.now() < end; );
};

describe('statusReporter', () => {
  it('returns figures of the process and the counts', () => {
    const { rssBytes, heapUsedBytes, uptimeMs, openDescriptors, ...rest } = statusReporter(() => ({
      queuedBytes: 7,
      processes: 3,
    }))();
    expect(rest).to.deep.equal({
      version,
      pid: process.pid,
      eventLoopDelayMs: NO_DELAY,
      queuedBytes: 7,
      processes: 3,
    });
    expect(
      [rssBytes, heapUsedBytes, uptimeMs].every(number => Number.isInteger(number) && Number(number) > 0),
    ).to.equal(true);
    expect(rssBytes).to.be.above(heapUsedBytes);
    expect(openDescriptors).to.satisfy((count: number | null) =>
      process.platform === 'linux' ? (count ?? 0) > 2 : count === null || count > 2,
    );
  });

  it('calls counts each time', () => {
    let processes = 0;
    const status = statusReporter(() => ({ queuedBytes: 0, processes: ++processes }));
    expect([status().processes, status().processes]).to.deep.equal([1, 2]);
  });

  it('does not count its own descriptor', function () {
    if (process.platform !== 'linux') this.skip();
    const status = statusReporter(() => ({ queuedBytes: 0, processes: 0 }));
    expect(status().openDescriptors).to.equal(openLinks().length);
  });

  it('measures the delay of the event loop between two calls', async () => {
    const status = statusReporter(() => ({ queuedBytes: 0, processes: 0 }));
    const begun = performance.now();
    status();
    await delay(50);
    block(200);
    await delay(50);
    const { eventLoopDelayMs: blocked } = status();
    expect(blocked.max).to.be.within(100, performance.now() - begun);
    // The histogram rounds up, by less than a hundredth.
    expect(blocked.p99).to.be.within(100, blocked.max * 1.01);
    expect(blocked.mean).to.be.within(0, blocked.max);
    // A busy machine delays it, too; sooner or later less than that.
    let idle = blocked;
    while (idle.max >= blocked.max) {
      await delay(100);
      idle = status().eventLoopDelayMs;
    }
  });

  it('reports no delay if none was measured since the last call', () => {
    const status = statusReporter(() => ({ queuedBytes: 0, processes: 0 }));
    status();
    expect(status().eventLoopDelayMs).to.deep.equal(NO_DELAY);
  });
});

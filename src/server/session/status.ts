import { readdirSync } from 'node:fs';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { ResultIn } from '../../protocol/define.ts';
import type { Requests } from '../../protocol/messages.ts';
import { version } from '../../protocol/version.ts';

type Status = ResultIn<Requests['server/status']>;

/**
 * Creates the function that answers `server/status`. It measures the delay of the event loop from its first call on, so
 * a client that never asks does not pay for it.
 *
 * @param counts figures of the session
 */
export const statusReporter = (
  counts: () => Pick<Status, 'queuedBytes' | 'processes' | 'memory'>,
): (() => Status) => {
  let delays: IntervalHistogram | undefined;
  return () => {
    const eventLoopDelayMs = delays === undefined ? { mean: 0, p99: 0, max: 0 } : summarize(delays);
    delays ??= startedHistogram();
    delays.reset();
    return {
      version,
      pid: process.pid,
      uptimeMs: Math.round(process.uptime() * 1000),
      rssBytes: residentBytes(),
      heapUsedBytes: getHeapStatistics().used_heap_size,
      eventLoopDelayMs,
      openDescriptors: openDescriptors(),
      ...counts(),
    };
  };
};

const startedHistogram = (): IntervalHistogram => {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return histogram;
};

// The histogram records the time between two ticks of its timer, in nanoseconds, so its resolution is part of it.
const summarize = (delays: IntervalHistogram): Status['eventLoopDelayMs'] => ({
  mean: beyondResolution(delays.mean),
  p99: beyondResolution(delays.percentile(99)),
  max: beyondResolution(delays.max),
});

const RESOLUTION_MS = 20;

const beyondResolution = (nanoseconds: number): number =>
  Number.isFinite(nanoseconds) ? Math.max(0, Math.round(nanoseconds / 1e3 - RESOLUTION_MS * 1e3) / 1e3) : 0;

// Both open a file of /proc, which fails when no descriptor is left.
const residentBytes = (): number | null => {
  try {
    return process.memoryUsage.rss();
  } catch {
    return null;
  }
};

const openDescriptors = (): number | null => {
  try {
    // Without the descriptor that reads the directory.
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return null;
  }
};

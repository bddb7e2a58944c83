import { Presets, SingleBar } from 'cli-progress';
import type { UploadProgress } from '../core/index.ts';

/** A display of an upload on stderr. */
export type UploadDisplay = {
  show(progress: UploadProgress): void;
  /** Clears the line. Idempotent. */
  stop(): void;
};

/** Creates the display of uploads to a host; `undefined` if stderr is not a terminal. */
export const uploadDisplay = (label: string): UploadDisplay | undefined => {
  if (!process.stderr.isTTY) return undefined;
  let part: UploadProgress['part'] | undefined;
  let startMs = 0;
  const bar = new SingleBar(
    {
      stream: process.stderr,
      format: `{part} to {label} [{bar}] {value} of {total}, {rate}/s, {eta_formatted} left`,
      formatValue: (value, _, type) =>
        type === 'value' || type === 'total' ? mebibytes(value) : String(value),
      clearOnComplete: true,
      hideCursor: true,
    },
    Presets.legacy,
  );
  return {
    show: ({ part: current, sentBytes, totalBytes }) => {
      if (part !== current) {
        bar.stop();
        part = current;
        startMs = performance.now();
        bar.start(totalBytes, 0, { part: PARTS[current], label, rate: '' });
      }
      const seconds = Math.max(performance.now() - startMs, 1) / 1000;
      bar.update(sentBytes, { rate: mebibytes(sentBytes / seconds) });
    },
    stop: () => bar.stop(),
  };
};

const PARTS: Readonly<Record<UploadProgress['part'], string>> = { runtime: 'Node', server: 'exec-server' };

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

import { InvalidArgumentError } from 'commander';

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Longest duration, in milliseconds: that of a timer of Node. */
const MAX_MS = 2 ** 31 - 1;

/**
 * Parses the duration of an option to milliseconds: `90`, `1.5s`, `5m`, `1h30m`. A number without a unit is in seconds.
 *
 * @throws {InvalidArgumentError}
 */
export const parseDuration = (text: string): number => {
  const seconds = /^\d*\.?\d+$/.test(text) ? Number(text) : undefined;
  const milliseconds = Math.round(seconds === undefined ? sumOf(text) : seconds * 1000);
  if (milliseconds >= 1 && milliseconds <= MAX_MS) return milliseconds;
  throw new InvalidArgumentError(
    'Expected a duration from 1ms to 24d, such as 90, 1.5s, 5m or 1h30m; a number without a unit is in seconds.',
  );
};

/** Text of a duration in the syntax of options: `1h30m`. */
export const durationText = (milliseconds: number): string => {
  let left = milliseconds;
  const parts = Object.entries(UNIT_MS)
    .reverse()
    .map(([unit, unitMs]) => {
      const count = Math.floor(left / unitMs);
      left -= count * unitMs;
      return count === 0 ? '' : `${count}${unit}`;
    });
  return parts.join('') || '0s';
};

/** Sum of numbers with units; NaN for other text. */
const sumOf = (text: string): number =>
  /^(?:\d*\.?\d+(?:ms|[smhd]))+$/.test(text)
    ? Array.from(
        text.matchAll(/([\d.]+)(ms|[smhd])/g),
        ([, number, unit = '']) => Number(number) * (UNIT_MS[unit] ?? Number.NaN),
      ).reduce((sum, part) => sum + part)
    : Number.NaN;

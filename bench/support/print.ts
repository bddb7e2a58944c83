import { verdicts } from './goals.ts';
import { measuredMetrics, type Result, ratios, samplesOf } from './result.ts';
import { median, readable, spread } from './statistics.ts';

/** A result for people: each metric, each contestant, with quartiles and the ratio to the floor. */
export const printed = (result: Result): string =>
  [
    `${result.name}: ${result.asks} (${result.rounds} rounds)`,
    ...measuredMetrics(result).flatMap(({ id, title, unit }) => [
      `  ${title}, ${unit}`,
      ...result.tracks
        .filter(track => samplesOf(track, id).length > 0)
        .map(track => {
          const { min, q1, median: middle, q3 } = spread(samplesOf(track, id));
          const times = ratios(result, track, id);
          return [
            `    ${track.name.padEnd(16)}`,
            readable(middle).padStart(9),
            `  quartiles ${readable(q1)} to ${readable(q3)}, least ${readable(min)}`.padEnd(48),
            times.length > 0 ? `${readable(median(times))} × the floor` : '',
          ].join('');
        }),
    ]),
    ...verdicts(result).map(
      ({ metric, goal, value, reached }) =>
        `  ${reached ? 'reached' : 'NOT reached'}: ${metric} ${goal} (${readable(value)})`,
    ),
    ...result.notes.map(note => `  note: ${note}`),
    '',
  ].join('\n');

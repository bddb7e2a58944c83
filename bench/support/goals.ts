import type { Goal } from './question.ts';
import { quotients, type Result, samplesOf, type Track } from './result.ts';
import { median } from './statistics.ts';

/** A goal, and what came of it. */
export type Verdict = {
  readonly question: string;
  readonly metric: string;
  readonly goal: string;
  /** In the goal's own terms: the value, or how many times the other one. `NaN` if it wasn't measured. */
  readonly value: number;
  readonly reached: boolean;
};

/** Holds our medians against their goals. A ratio is the median of the ratios of the rounds. */
export const verdicts = (result: Result): Verdict[] => {
  const ours = result.tracks.find(({ role }) => role === 'ours');
  const floor = result.tracks.find(({ role }) => role === 'floor');
  return result.metrics.flatMap(({ id, title, unit, goal }) => {
    if (goal === undefined || ours === undefined) return [];
    const value = median(compared(goal, ours, floor, id));
    return [
      {
        question: result.name,
        metric: title,
        goal: inWords(goal, unit, result),
        value,
        reached: value <= (goal.atMost ?? value) && value >= (goal.atLeast ?? value),
      },
    ];
  });
};

const compared = (goal: Goal, ours: Track, floor: Track | undefined, id: string): number[] => {
  if (goal.times === undefined) return samplesOf(ours, id);
  return quotients(
    ours.samples[id],
    goal.times === 'floor' ? floor?.samples[id] : ours.samples[goal.times.metric],
  );
};

const inWords = ({ atMost, atLeast, times }: Goal, unit: string, { metrics }: Result): string => {
  const bound = atMost === undefined ? `≥ ${atLeast}` : `≤ ${atMost}`;
  if (times === undefined) return `${bound} ${unit}`;
  if (times === 'floor') return `${bound} × the floor`;
  return `${bound} × ${metrics.find(({ id }) => id === times.metric)?.title}`;
};

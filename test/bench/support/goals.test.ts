import { expect } from 'chai';
import { verdicts } from '../../../bench/support/goals.ts';
import type { Goal } from '../../../bench/support/question.ts';
import { questions } from '../../../bench/support/questions.ts';
import { type Result, ratios } from '../../../bench/support/result.ts';
import { readable, spread } from '../../../bench/support/statistics.ts';

const track = (role: 'floor' | 'ours', samples: Result['tracks'][number]['samples']) => ({
  name: role,
  role,
  command: role,
  samples,
});

const result = (goal: Goal): Result => ({
  name: 'example',
  asks: 'How long?',
  floor: 'nothing',
  date: '2026-11-01',
  machine: 'a machine',
  node: 'v20',
  quick: false,
  rounds: 4,
  metrics: [
    { id: 'time', title: 'time', unit: 'ms', better: 'lower', goal },
    { id: 'other', title: 'the other time', unit: 'ms', better: 'lower' },
  ],
  tracks: [
    track('floor', { time: [1, 10, 2, null] }),
    track('ours', { time: [2, 30, 2, 50], other: [4, 30, 2, 50] }),
  ],
  notes: [],
});

describe('verdicts', () => {
  const cases: ReadonlyArray<readonly [Goal, string, number, boolean]> = [
    [{ atMost: 16 }, '≤ 16 ms', 16, true],
    [{ atMost: 15 }, '≤ 15 ms', 16, false],
    [{ atLeast: 17 }, '≥ 17 ms', 16, false],
    // The median of the ratios 2, 3 and 1: a round that is slow for both does not count.
    [{ atMost: 2, times: 'floor' }, '≤ 2 × the floor', 2, true],
    [{ atLeast: 2.1, times: 'floor' }, '≥ 2.1 × the floor', 2, false],
    [{ atMost: 1, times: { metric: 'other' } }, '≤ 1 × the other time', 1, true],
  ];
  for (const [goal, words, value, reached] of cases) {
    it(`${reached ? 'finds' : 'does not find'} ${words} reached by ${value}`, () => {
      expect(verdicts(result(goal))).to.deep.equal([
        { question: 'example', metric: 'time', goal: words, value, reached },
      ]);
    });
  }

  it('reports no goal as reached without a measurement', () => {
    const unmeasured = { ...result({ atMost: 1 }), tracks: [track('ours', {})] };
    expect(verdicts(unmeasured).map(({ reached }) => reached)).to.deep.equal([false]);
  });
});

describe('ratios', () => {
  it('compares within a round, and ignores rounds without one of the two', () => {
    const { tracks } = result({});
    expect(ratios({ tracks }, tracks[1] as Result['tracks'][number], 'time')).to.deep.equal([2, 3, 1]);
  });
});

describe('spread', () => {
  it('interpolates quartiles between values', () => {
    expect(spread([4, 1, 3, 2])).to.deep.equal({ min: 1, q1: 1.75, median: 2.5, q3: 3.25, max: 4 });
  });
});

describe('readable', () => {
  it('has three significant digits below 100, and no fraction above', () => {
    expect([0.12345, 1.5, 99.94, 99.96, 12345.6, Number.NaN].map(readable)).to.deep.equal([
      '0.123',
      '1.5',
      '99.9',
      '100',
      '12,346',
      '–',
    ]);
  });
});

describe('questions', () => {
  it('have unique names, and goals that name their own metrics', () => {
    const names = questions.map(({ name }) => name);
    expect(new Set(names).size).to.equal(names.length);
    for (const { metrics } of questions) {
      const ids = metrics.map(({ id }) => id);
      expect(new Set(ids).size).to.equal(ids.length);
      for (const { goal } of metrics) {
        if (typeof goal?.times === 'object') expect(ids).to.include(goal.times.metric);
      }
    }
  });
});

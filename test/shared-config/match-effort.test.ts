import { expect } from 'chai';
import { buildEnv } from '../../src/shared-config/build-env.ts';
import { MAX_MATCH_STEPS } from '../../src/shared-config/limits.ts';
import { MatchEffort, MatchLimitError } from '../../src/shared-config/match-effort.ts';

const names = (count: number, nameOf: (at: number) => string) =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [nameOf(at), '']));

const patterns = (count: number, patternOf: (at: number) => string) =>
  Array.from({ length: count }, (_, at) => patternOf(at));

const applied = (base: Record<string, string>, policy: object): number | string => {
  try {
    return Object.keys(buildEnv({ base, policy, platform: 'posix' })).length;
  } catch (error) {
    return (error as Error).name;
  }
};

describe('MatchEffort', () => {
  it('can be spent to the last step', () => {
    const effort = new MatchEffort(3);
    effort.spend(2);
    effort.spend(1);
    expect(() => effort.spend(1)).to.throw(MatchLimitError, 'more than 3 steps');
  });
});

describe('a policy with many patterns', () => {
  const usual = (at: number) => `NAME_OF_VARIABLE_${at}`;

  it('is applied to as many names as a machine has', () => {
    const all = patterns(1000, at => `*PATTERN_${at}*`);
    expect([
      applied(names(500, usual), { exclude: all }),
      applied({}, { set: names(500, usual), includeOnly: [...all.slice(1), '*_1'] }),
      applied(names(10_000, usual), { exclude: all.slice(0, 30) }),
    ]).to.deep.equal([500, 1, 10_000]);
  });

  const hostile: Array<[title: string, base: Record<string, string>, all: string[]]> = [
    ['thousands of names', names(10_000, usual), patterns(1000, at => `*PATTERN_${at}*`)],
    [
      'a name that almost matches at each place',
      { ['a'.repeat(100_000)]: '' },
      patterns(60, () => `*${'?'.repeat(1000)}b`),
    ],
    [
      'a text that almost is there at each place',
      { ['a'.repeat(100_000)]: '' },
      patterns(60, () => `*${'a'.repeat(500)}?${'a'.repeat(400)}b`),
    ],
    ['many long names', names(1000, at => 'x'.repeat(1000) + at), patterns(1000, () => '*y*')],
  ];

  for (const [title, base, all] of hostile) {
    it(`is refused in the middle of it for ${title}`, () => {
      expect([applied(base, { exclude: all }), applied({}, { set: base, includeOnly: all })]).to.deep.equal([
        'MatchLimitError',
        'MatchLimitError',
      ]);
    });
  }

  it('counts the folding of names', () => {
    expect(applied({ ['ß'.repeat(MAX_MATCH_STEPS)]: '' }, {})).to.equal('MatchLimitError');
  });
});

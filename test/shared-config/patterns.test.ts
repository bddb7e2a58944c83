import { expect } from 'chai';
import fc from 'fast-check';
import { foldCase } from '../../src/shared-config/fold-case.ts';
import { MatchEffort } from '../../src/shared-config/match-effort.ts';
import { compilePattern, matchesPattern, type Pattern } from '../../src/shared-config/patterns.ts';

const matches = (pattern: string, name: string) =>
  matchesPattern(compilePattern(pattern), foldCase(name), new MatchEffort());

describe('matchesPattern', () => {
  const cases: [behaviour: string, pattern: string, matching: string[], others: string[]][] = [
    [
      'takes a pattern without wildcards as the whole name',
      'PATH',
      ['PATH'],
      ['PATHEXT', 'MYPATH', 'PAT', ''],
    ],
    ['compares without case, either way round', 'Path', ['PATH', 'path', 'pAtH'], ['PATHS']],
    [
      'lets * stand for any run, the empty one too',
      'A*Z',
      ['AZ', 'A-Z', 'AZZ', 'A_KEY_Z'],
      ['A', 'Z', 'AZ1', '1AZ'],
    ],
    ['matches everything with *', '*', ['', 'A', 'ANY_NAME'], []],
    ['takes several * in a row as one', 'A***B', ['AB', 'AxxB'], ['A', 'ABx']],
    [
      'looks for a part anywhere between two *',
      '*KEY*',
      ['KEY', 'API_KEY', 'keyring', 'Monkey'],
      ['KE_Y', 'K'],
    ],
    ['anchors a leading part at the start', 'AWS_*', ['AWS_', 'AWS_REGION'], ['MY_AWS_REGION', 'AWS']],
    ['anchors a trailing part at the end', '*_ID', ['_ID', 'A_ID', 'A_ID_ID'], ['_IDS', 'ID']],
    ['does not let the parts around a * overlap', 'ABA*ABA', ['ABAABA', 'ABAxABA'], ['ABA', 'ABABA']],
    ['lets ? stand for exactly one character', 'A?C', ['ABC', 'A?C', 'AäC'], ['AC', 'ABBC', 'A?']],
    ['counts a character outside the first plane as one for ?', '?', ['😀', 'x'], ['', 'xx', '😀😀']],
    ['mixes ? and *', 'A?*', ['AB', 'ABC', 'A😀'], ['A', '']],
    ['searches on when the text after ? fits later only', '*?AB', ['xAB', 'AABAB', 'ABAB'], ['AB', 'xABx']],
    ['finds a part that overlaps a failed attempt', '*AAB', ['AAAB', 'AAAAB'], ['AABA', 'AB']],
    [
      'takes characters of regular expressions literally',
      'A.B(C)[^$|+\\',
      ['a.b(c)[^$|+\\'],
      ['AxB(C)[^$|+\\'],
    ],
    ['matches the empty name only with an empty pattern', '', [''], ['A']],
    ['has no escape: \\* is a backslash and a run', 'A\\*', ['A\\', 'A\\B'], ['A*']],
    ['keeps ß apart from SS', 'STRASSE', ['strasse'], ['straße']],
  ];
  for (const [behaviour, pattern, matching, others] of cases) {
    it(behaviour, () => {
      const names = [...matching, ...others];
      expect(names.filter(name => matches(pattern, name))).to.deep.equal(matching);
    });
  }

  it('agrees with a matcher that tries everything', () => {
    const units = fc.constantFrom('a', 'A', 'b', 'ß', 'ä', 'Ä', '😀');
    const text = fc.string({ unit: units, maxLength: 10 });
    const pattern = fc.string({ unit: fc.oneof(units, fc.constantFrom('*', '?')), maxLength: 7 });
    fc.assert(
      fc.property(pattern, text, (source, name) => {
        expect(matches(source, name)).to.equal(tryEverything([...foldCase(source)], [...foldCase(name)]));
      }),
      { numRuns: 5_000 },
    );
  });

  it('describes a name by any pattern made of it', () => {
    const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 });
    const blurred = name.chain(text => {
      const blur = (character: string) => fc.constantFrom(character, '?', '*', `${character}*`);
      return fc.tuple(fc.constant(text), fc.tuple(...Array.from(text, blur)));
    });
    fc.assert(fc.property(blurred, ([text, parts]) => matches(parts.join(''), text)));
  });

  it('takes few steps where backtracking would never finish', () => {
    const name = 'a'.repeat(2_000);
    const adversaries = [
      `${'*a'.repeat(500)}*b`,
      `${'a*'.repeat(500)}b`,
      `*${'a'.repeat(1_000)}b`,
      `*${'?'.repeat(500)}b*`,
      `${'*?a'.repeat(300)}*?b`,
      `*${'?a'.repeat(300)}b`,
    ];
    for (const source of adversaries) {
      expect(stepsOf(source, name)).to.be.at.most(2 * source.length * name.length, source.slice(0, 20));
    }
  });

  it('takes steps in proportion to the name when each part is plain text', () => {
    const pattern = `${'*a'.repeat(500)}*b`;
    expect(stepsOf(pattern, 'a'.repeat(20_000))).to.be.at.most(4 * pattern.length);
  });

  it('never takes more steps than the product of both lengths allows', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 60 });
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 60 });
    fc.assert(
      fc.property(pattern, text, (source, name) => {
        expect(stepsOf(source, name)).to.be.at.most(2 * (source.length + 1) * (name.length + 1));
      }),
    );
  });
});

const tryEverything = (pattern: readonly string[], name: readonly string[]): boolean => {
  const [symbol, ...rest] = pattern;
  if (symbol === undefined) return name.length === 0;
  if (symbol === '*')
    return tryEverything(rest, name) || (name.length > 0 && tryEverything(pattern, name.slice(1)));
  return name.length > 0 && (symbol === '?' || symbol === name[0]) && tryEverything(rest, name.slice(1));
};

/** How often matching looks at a part of the pattern. */
const stepsOf = (source: string, name: string): number => {
  let steps = 0;
  const counted = <T extends object>(list: T): T =>
    new Proxy(list, {
      get: (target, key) => {
        if (typeof key === 'string' && /^\d+$/.test(key)) steps += 1;
        return Reflect.get(target, key);
      },
    });
  const { segments } = compilePattern(source);
  const pattern: Pattern = { source, segments: counted(segments.map(counted)) };
  matchesPattern(pattern, foldCase(name), new MatchEffort(Number.POSITIVE_INFINITY));
  return steps;
};

import { expect } from 'chai';
import { explanationTable } from '../../src/cli/explanation-table.ts';
import { renderSpans } from '../../src/cli/spans.ts';
import type { EnvironmentExplanation } from '../../src/core/index.ts';

/** Explanation as it is received: unset fields are absent. */
const explanation = (fields: object) =>
  ({ variables: {}, counts: { kept: 1, removed: 2, set: 3 }, ...fields }) as EnvironmentExplanation;

const lines = (fields: object, coloured = false) =>
  renderSpans(explanationTable(explanation(fields)), coloured).split('\n');

const attempt = (base: string, reason?: string) => ({
  base,
  outcome: reason === undefined ? 'resolved' : 'failed',
  ...(reason !== undefined && { reason }),
  durationMs: 7,
});

describe('explanationTable', () => {
  it('has a line for the base, one for each name, and one for the counts', () => {
    const fields = {
      base: { base: 'process', attempts: [] },
      variables: {
        PATH: { outcome: 'kept' },
        MY_LONG_TOKEN: { outcome: 'removed', by: 'defaultExcludes', pattern: '*TOKEN*' },
        A: { outcome: 'set', by: 'overlay' },
        NOWHERE: { outcome: 'absent' },
      },
    };
    expect(lines(fields).join('\n')).to.equal(
      [
        'base: process',
        'NAME           OUTCOME  WHY',
        'PATH           kept',
        'MY_LONG_TOKEN  removed  by default exclude pattern *TOKEN*',
        'A              set      by the overlay',
        'NOWHERE        absent',
        '1 kept, 2 removed, 3 set',
        '',
      ].join('\n'),
    );
  });

  const bases: Array<[title: string, base: object | undefined, line: string]> = [
    ['a shell that answered', { base: 'login', attempts: [attempt('login')] }, 'base: login'],
    [
      'the reason for each shell that did not',
      {
        base: 'process',
        attempts: [
          attempt('loginInteractive', 'no answer within 10000 ms'),
          attempt('login', 'exited with code 1'),
        ],
      },
      'base: process (loginInteractive failed: no answer within 10000 ms; login failed: exited with code 1)',
    ],
    [
      'a fallback',
      { base: 'login', attempts: [attempt('loginInteractive', 'no\x1b[2Janswer'), attempt('login')] },
      'base: login (loginInteractive failed: no\\u001b[2Janswer)',
    ],
    ['no base', undefined, 'base: none, the environment is exact'],
  ];
  for (const [title, base, line] of bases) {
    it(`describes the base: ${title}`, () => {
      expect(lines({ base })[0]).to.equal(line);
    });
  }

  it('has no table without names', () => {
    expect(lines({})).to.deep.equal(['base: none, the environment is exact', '1 kept, 2 removed, 3 set', '']);
  });

  it('colours outcomes and aligns them', () => {
    const variables = {
      KEPT: { outcome: 'kept' },
      GONE: { outcome: 'removed', by: 'inherit' },
      SET: { outcome: 'set', by: 'policy' },
      NO: { outcome: 'absent' },
    };
    expect(lines({ variables }, true).slice(1, 6)).to.deep.equal([
      'NAME  \x1b[1mOUTCOME\x1b[22m  WHY',
      'KEPT  kept',
      'GONE  \x1b[31mremoved\x1b[39m  by inherit',
      'SET   \x1b[32mset    \x1b[39m  by the policy',
      'NO    \x1b[33mabsent\x1b[39m',
    ]);
  });

  it('escapes control characters of names and patterns', () => {
    const variables = { 'A\x1b[31m': { outcome: 'removed', by: 'exclude', pattern: '\x9b*\n' } };
    expect(lines({ variables })[2]).to.equal('A\\u001b[31m  removed  by exclude pattern \\u009b*\\u000a');
  });
});

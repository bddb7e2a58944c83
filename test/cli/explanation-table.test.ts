import { expect } from 'chai';
import { explanationTable } from '../../src/cli/explanation-table.ts';
import { type Paint, renderSpans } from '../../src/cli/spans.ts';
import type { EnvironmentExplanation } from '../../src/core/index.ts';

const plain: Paint = (_, text) => text;

/** As it comes from the wire: a field that says nothing isn't there. */
const explanation = (fields: object) =>
  ({ variables: {}, counts: { kept: 1, removed: 2, set: 3 }, ...fields }) as EnvironmentExplanation;

const lines = (fields: object, paint = plain) =>
  renderSpans(explanationTable(explanation(fields)), paint).split('\n');

const attempt = (base: string, reason?: string) => ({
  base,
  outcome: reason === undefined ? 'taken' : 'failed',
  ...(reason !== undefined && { reason }),
  durationMs: 7,
});

describe('explanationTable', () => {
  it('is a line for the base, one for each name, and one for the counts', () => {
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
      'the reason for each that did not',
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
      'the rung below',
      { base: 'login', attempts: [attempt('loginInteractive', 'no\x1b[2Janswer'), attempt('login')] },
      'base: login (loginInteractive failed: no\\u001b[2Janswer)',
    ],
    ['that there is none', undefined, 'base: none, the environment is exact'],
  ];
  for (const [title, base, line] of bases) {
    it(`tells of the base: ${title}`, () => {
      expect(lines({ base })[0]).to.equal(line);
    });
  }

  it('has no table where there is no name', () => {
    expect(lines({})).to.deep.equal(['base: none, the environment is exact', '1 kept, 2 removed, 3 set', '']);
  });

  it('aligns what it paints', () => {
    const variables = {
      KEPT: { outcome: 'kept' },
      GONE: { outcome: 'removed', by: 'inherit' },
      SET: { outcome: 'set', by: 'policy' },
      NO: { outcome: 'absent' },
    };
    expect(lines({ variables }, (colour, text) => `<${colour}>${text}</>`).slice(1, 6)).to.deep.equal([
      'NAME  <bold>OUTCOME</>  WHY',
      'KEPT  kept',
      'GONE  <red>removed</>  by inherit',
      'SET   <green>set    </>  by the policy',
      'NO    <yellow>absent</>',
    ]);
  });

  it('shows what a name or a pattern could do to a terminal instead of doing it', () => {
    const variables = { 'A\x1b[31m': { outcome: 'removed', by: 'exclude', pattern: '\x9b*\n' } };
    expect(lines({ variables })[2]).to.equal('A\\u001b[31m  removed  by exclude pattern \\u009b*\\u000a');
  });
});

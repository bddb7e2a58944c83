import { expect } from 'chai';
import { type Finding, type Level, verdictOf } from '../../../src/cli/doctor/finding.ts';
import { findingSpans, headingSpans, summarySpans } from '../../../src/cli/doctor/report.ts';
import { renderSpans } from '../../../src/cli/spans.ts';

const findingLines = (shown: Finding, coloured = false) => renderSpans(findingSpans(shown), coloured);
const finding = (level: Level): Finding => ({ check: 'path', level, message: 'm' });
const INDENT = ' '.repeat(26);

describe('findingSpans', () => {
  it('has level, check and message, and below them the details and the advice', () => {
    const shown = {
      check: 'loginShell',
      level: 'warning',
      message: 'found',
      details: ['a', 'b'],
      advice: 'do',
    } as const;
    expect(findingLines(shown)).to.equal(
      `warning  login shell      found\n${INDENT}a\n${INDENT}b\n${INDENT}→ do\n`,
    );
  });

  it('wraps advice, but no message and no details', () => {
    const long = 'word '.repeat(30).trim();
    const lines = findingLines({ ...finding('note'), message: long, details: [long], advice: long }).split(
      '\n',
    );
    expect(lines[1]?.trim()).to.equal(long);
    expect(lines.slice(2)).to.deep.equal([
      `${INDENT}→ ${'word '.repeat(14).trim()}`,
      `${INDENT}  ${'word '.repeat(14).trim()}`,
      `${INDENT}  word word`,
      '',
    ]);
    for (const line of lines.slice(2)) expect(line.length).to.be.at.most(100);
  });

  it('does not break code and long words', () => {
    const code = `\`${'x '.repeat(40)}\``;
    expect(findingLines({ ...finding('note'), advice: `see ${code}, then go on` })).to.contain(
      `→ see\n${INDENT}  ${code},\n${INDENT}  then go on\n`,
    );
  });

  it('colours the level only', () => {
    const shown = (['ok', 'warning', 'problem', 'note', 'skipped'] as const).map(level =>
      findingLines(finding(level), true),
    );
    expect(shown).to.deep.equal([
      '\x1b[32mok     \x1b[39m  PATH             m\n',
      '\x1b[33mwarning\x1b[39m  PATH             m\n',
      '\x1b[31mproblem\x1b[39m  PATH             m\n',
      'note     PATH             m\n',
      'skipped  PATH             m\n',
    ]);
  });

  it('escapes control characters of the server, including line feeds', () => {
    const hostile = 'a\x1b[2J\nok       PATH         forged';
    const shown = 'a\\u001b[2J\\u000aok       PATH         forged';
    expect(
      findingLines({ ...finding('note'), message: hostile, details: [hostile], advice: 'a\x9b' }),
    ).to.equal(`note     PATH             ${shown}\n${INDENT}${shown}\n${INDENT}→ a\\u009b\n`);
  });
});

describe('headingSpans', () => {
  it('is one line, also for a label with line feeds', () => {
    expect(renderSpans(headingSpans('a\n\u202e'), false)).to.equal('exec-server doctor: a\\u000a\\u202e\n\n');
  });
});

describe('summarySpans', () => {
  const cases: Array<[levels: Level[], line: string, verdict: string]> = [
    [[], 'no problems found', 'ok'],
    [['ok', 'note', 'skipped'], 'no problems found', 'ok'],
    [['ok', 'warning'], '1 warning', 'warning'],
    [['warning', 'problem', 'warning'], '1 problem, 2 warnings', 'problem'],
    [['problem', 'problem'], '2 problems', 'problem'],
  ];
  for (const [levels, line, verdict] of cases) {
    it(`is "${line}" for ${levels.join(', ') || 'no findings'}`, () => {
      const findings = levels.map(finding);
      expect(renderSpans(summarySpans(findings), false)).to.equal(`\n${line}\n`);
      expect(verdictOf(findings)).to.equal(verdict);
    });
  }
});

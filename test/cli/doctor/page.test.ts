import { expect } from 'chai';
import { type Finding, type Level, verdictOf } from '../../../src/cli/doctor/finding.ts';
import { findingSpans, headingSpans, summarySpans } from '../../../src/cli/doctor/page.ts';
import { paintFor, renderSpans } from '../../../src/cli/spans.ts';

const plain = paintFor({ isTTY: false }, {});
const coloured = paintFor({ isTTY: true }, {});
const findingLines = (shown: Finding, paint = plain) => renderSpans(findingSpans(shown), paint);
const finding = (level: Level): Finding => ({ check: 'path', level, message: 'm' });

describe('findingSpans', () => {
  it('is what was looked at and found, and below it more of it and what to do', () => {
    expect(
      findingLines({
        check: 'loginShell',
        level: 'warning',
        message: 'found',
        details: ['a', 'b'],
        advice: 'do',
      }),
    ).to.equal(
      'warning  login shell  found\n                      a\n                      b\n                      → do\n',
    );
  });

  it('breaks advice at the width of the page, and nothing else', () => {
    const long = 'word '.repeat(30).trim();
    const lines = findingLines({ ...finding('note'), message: long, details: [long], advice: long }).split(
      '\n',
    );
    expect(lines[1]?.trim()).to.equal(long);
    expect(lines.slice(2)).to.deep.equal([
      `                      → ${'word '.repeat(15).trim()}`,
      `                        ${'word '.repeat(15).trim()}`,
      '',
    ]);
    for (const line of lines.slice(2)) expect(line.length).to.be.at.most(100);
  });

  it('leaves a word that is longer than the page whole', () => {
    const path = `/${'x'.repeat(120)}`;
    expect(findingLines({ ...finding('note'), advice: `see ${path}` })).to.contain(` → see\n`);
  });

  it('colours the level, and nothing else', () => {
    const shown = (['ok', 'warning', 'problem', 'note', 'skipped'] as const).map(level =>
      findingLines(finding(level), coloured),
    );
    expect(shown).to.deep.equal([
      '\x1b[32mok     \x1b[0m  PATH         m\n',
      '\x1b[33mwarning\x1b[0m  PATH         m\n',
      '\x1b[31mproblem\x1b[0m  PATH         m\n',
      'note     PATH         m\n',
      'skipped  PATH         m\n',
    ]);
  });

  it('escapes what a server says, line breaks too', () => {
    const hostile = 'a\x1b[2J\nok       PATH         forged';
    const shown = 'a\\u001b[2J\\u000aok       PATH         forged';
    expect(
      findingLines({ ...finding('note'), message: hostile, details: [hostile], advice: 'a\x9b' }),
    ).to.equal(
      `note     PATH         ${shown}\n                      ${shown}\n                      → a\\u009b\n`,
    );
  });
});

describe('headingSpans', () => {
  it('is one line, whatever the target is called', () => {
    expect(renderSpans(headingSpans('a\n\u202e'), plain)).to.equal('exec-server doctor: a\\u000a\\u202e\n\n');
  });
});

describe('summarySpans', () => {
  const cases: Array<[levels: Level[], line: string, verdict: string]> = [
    [[], 'all well', 'ok'],
    [['ok', 'note', 'skipped'], 'all well', 'ok'],
    [['ok', 'warning'], '1 warning', 'warning'],
    [['warning', 'problem', 'warning'], '1 problem, 2 warnings', 'problem'],
    [['problem', 'problem'], '2 problems', 'problem'],
  ];
  for (const [levels, line, verdict] of cases) {
    it(`is "${line}" for ${levels.join(', ') || 'nothing'}`, () => {
      const findings = levels.map(finding);
      expect(renderSpans(summarySpans(findings), plain)).to.equal(`\n${line}\n`);
      expect(verdictOf(findings)).to.equal(verdict);
    });
  }
});

import { printableLine } from '../../core/printable.ts';
import type { Colour, Span } from '../spans.ts';
import { type CheckName, type Finding, type Level, verdictOf } from './finding.ts';

/** The first line of the page. */
export const headingSpans = (label: string): Span[] => [
  { colour: 'bold', text: `exec-server doctor: ${printableLine(label)}` },
  '\n\n',
];

/** A finding as lines of the page. */
export const findingSpans = ({ level, check, message, details = [], advice }: Finding): Span[] => {
  const colour = COLOURS[level];
  const label = level.padEnd(LEVEL_WIDTH);
  const head = `  ${(LABELS[check] ?? check).padEnd(CHECK_WIDTH)}  ${printableLine(message)}\n`;
  const below = [...details, ...(advice === undefined ? [] : adviceLines(advice))];
  return [
    colour === undefined ? label : { colour, text: label },
    head,
    ...below.map(line => `${INDENT}${printableLine(line)}\n`),
  ];
};

const adviceLines = (advice: string): string[] => {
  const lines = ['→'];
  for (const word of advice.split(' ')) {
    const line = `${lines.at(-1)} ${word}`;
    if (line.length <= PAGE_WIDTH - INDENT.length) lines[lines.length - 1] = line;
    else lines.push(`  ${word}`);
  }
  return lines;
};

/** The last line of the page. */
export const summarySpans = (findings: readonly Finding[]): Span[] => {
  const count = (level: Level, word: string) => {
    const found = findings.filter(finding => finding.level === level).length;
    return found === 0 ? [] : [`${found} ${word}${found === 1 ? '' : 's'}`];
  };
  const counts = [...count('problem', 'problem'), ...count('warning', 'warning')];
  const text = counts.length === 0 ? 'all well' : counts.join(', ');
  return ['\n', { colour: COLOURS[verdictOf(findings)] ?? 'bold', text }, '\n'];
};

const LABELS: Partial<Record<CheckName, string>> = { loginShell: 'login shell', path: 'PATH' };

/** Only advice is broken into lines of this width; what else there is may be wanted as it is. */
const PAGE_WIDTH = 100;

const LEVEL_WIDTH = 'problem'.length;
const CHECK_WIDTH = 'login shell'.length;
const INDENT = ' '.repeat(LEVEL_WIDTH + 2 + CHECK_WIDTH + 2);

const COLOURS: Readonly<Record<Level, Colour | undefined>> = {
  ok: 'green',
  note: undefined,
  warning: 'yellow',
  problem: 'red',
  skipped: undefined,
};

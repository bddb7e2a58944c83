import { printableLine } from '../../core/printable.ts';
import { rowSpans, wrap } from '../layout.ts';
import type { Colour, Span } from '../spans.ts';
import { type CheckName, type Finding, type Level, verdictOf } from './finding.ts';

/** Heading of the report. */
export const headingSpans = (label: string): Span[] => [
  { colour: 'bold', text: `exec-server doctor: ${printableLine(label)}` },
  '\n\n',
];

/** Lines of a finding. Only advice is wrapped: messages and details may be wanted for copying. */
export const findingSpans = ({ level, check, message, details = [], advice }: Finding): Span[] => {
  const colour = COLOURS[level];
  const below = [...details, ...(advice === undefined ? [] : adviceLines(advice))];
  return [
    ...rowSpans(
      [
        colour === undefined ? level : { colour, text: level },
        LABELS[check] ?? check,
        printableLine(message),
      ],
      WIDTHS,
    ),
    ...below.map(line => `${INDENT}${printableLine(line)}\n`),
  ];
};

/** Lines of advice. Code between backticks is not broken. */
const adviceLines = (advice: string): string[] =>
  wrap(advice.match(/(?:`[^`]*`|\S)+/g) ?? [], ' ', REPORT_WIDTH - INDENT.length - ARROW.length).map(
    (line, index) => `${index === 0 ? ARROW : ' '.repeat(ARROW.length)}${line}`,
  );

/** Last line of the report. */
export const summarySpans = (findings: readonly Finding[]): Span[] => {
  const count = (level: 'problem' | 'warning') => {
    const found = findings.filter(finding => finding.level === level).length;
    return found === 0 ? [] : [`${found} ${level}${found === 1 ? '' : 's'}`];
  };
  const text = [...count('problem'), ...count('warning')].join(', ') || 'no problems found';
  return ['\n', { colour: COLOURS[verdictOf(findings)] ?? 'bold', text }, '\n'];
};

const LABELS: Partial<Record<CheckName, string>> = {
  startUpOutput: 'start-up output',
  loginShell: 'login shell',
  path: 'PATH',
};

const REPORT_WIDTH = 100;
const ARROW = '→ ';
const WIDTHS = ['problem'.length, 'start-up output'.length] as const;
const INDENT = ' '.repeat(WIDTHS[0] + 2 + WIDTHS[1] + 2);

const COLOURS: Readonly<Record<Level, Colour | undefined>> = {
  ok: 'green',
  note: undefined,
  warning: 'yellow',
  problem: 'red',
  skipped: undefined,
};

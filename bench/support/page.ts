import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { verdicts } from './goals.ts';
import { questions } from './questions.ts';
import { measuredMetrics, type Result, ratios, samplesOf, type Track } from './result.ts';
import { median, readable } from './statistics.ts';

const PAGE = fileURLToPath(new URL('../../docs/performance.md', import.meta.url));

const BEGIN = '<!-- Written by `npm run bench -- --page` from bench/results. -->';
const END = '<!-- End of what is written. -->';

/** Puts the results in `directory` between the two marks of docs/performance.md. */
export const writePage = (directory: string): void => {
  const results = questions
    .map(({ name }) => join(directory, `${name}.json`))
    .filter(path => existsSync(path))
    .map((path): Result => JSON.parse(readFileSync(path, 'utf8')));
  const page = readFileSync(PAGE, 'utf8');
  const before = page.slice(0, page.indexOf(BEGIN));
  const after = page.slice(page.indexOf(END));
  if (!page.includes(BEGIN) || !page.includes(END)) throw new Error(`docs/performance.md has lost its marks`);
  writeFileSync(PAGE, `${before}${BEGIN}\n\n${measured(results)}\n\n${after}`);
};

/** What is said of the results: the machine, the goals, and each question with its plot. */
const measured = (results: readonly Result[]): string =>
  [machineOf(results), '## How good', goals(results), ...results.map(section)].join('\n\n');

const machineOf = (results: readonly Result[]): string => {
  const all = results.map(({ machine, node, date }) => `${machine}; Node ${node}; ${date}.`);
  return `Measured on: ${[...new Set(all)].join(' And on: ')}`;
};

const goals = (results: readonly Result[]): string =>
  table([
    ['question', 'what', 'goal', 'measured', ''],
    ...results
      .flatMap(verdicts)
      .map(({ question, metric, goal, value, reached }) => [
        question,
        metric,
        goal,
        readable(value),
        reached ? 'reached' : '**not reached**',
      ]),
  ]);

const section = (result: Result): string =>
  [
    `## ${result.name}`,
    `${result.asks} Floor: ${result.floor}. Rounds: ${result.rounds}.`,
    `![${result.name}](../bench/results/${result.name}.svg)`,
    table([
      ['median', ...result.tracks.map(({ name }) => name)],
      ...measuredMetrics(result).map(({ id, title, unit }) => [
        `${title}, ${unit}`,
        ...result.tracks.map(track => cell(result, track, id)),
      ]),
    ]),
    ...(result.notes.length > 0 ? [result.notes.map(note => `- ${note}`).join('\n')] : []),
  ].join('\n\n');

const cell = (result: Result, track: Track, id: string): string => {
  const values = samplesOf(track, id);
  if (values.length === 0) return '–';
  const times = ratios(result, track, id);
  return times.length > 0
    ? `${readable(median(values))} (${readable(median(times))} ×)`
    : readable(median(values));
};

/** Cells as a Markdown table, padded as Biome does it. */
const table = ([head = [], ...body]: readonly string[][]): string => {
  const widths = head.map((_, column) =>
    Math.max(3, ...[head, ...body].map(row => row[column]?.length ?? 0)),
  );
  const rule = widths.map(width => '-'.repeat(width));
  return [head, rule, ...body]
    .map(row => `| ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`)
    .join('\n');
};

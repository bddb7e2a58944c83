import type { EnvironmentExplanation } from '../core/index.ts';
import { printableLine } from '../core/printable.ts';
import { describeReason, type EnvExplanation } from '../shared-config/index.ts';
import type { Colour, Span } from './spans.ts';

/**
 * An explanation for people: the base, a line for each name, the counts. Names come in the order given.
 */
export const explanationTable = ({ base, variables, counts }: EnvironmentExplanation): Span[] => {
  const rows = Object.entries(variables).map(([name, explanation]) =>
    rowOf(name, explanation as EnvExplanation),
  );
  const table = rows.length === 0 ? [] : aligned([HEAD, ...rows]);
  return [`${baseLine(base)}\n`, ...table, `${countLine(counts)}\n`];
};

type Row = {
  readonly name: string;
  readonly outcome: string;
  readonly why: string;
  readonly colour: Colour | undefined;
};

const HEAD: Row = { name: 'NAME', outcome: 'OUTCOME', why: 'WHY', colour: 'bold' };

const COLOURS: Readonly<Record<EnvExplanation['outcome'], Colour | undefined>> = {
  kept: undefined,
  removed: 'red',
  set: 'green',
  absent: 'yellow',
};

const rowOf = (name: string, explanation: EnvExplanation): Row => ({
  name: printableLine(name),
  outcome: explanation.outcome,
  why: printableLine(describeReason(explanation)),
  colour: COLOURS[explanation.outcome],
});

const aligned = (rows: readonly Row[]): Span[] => {
  const width = (column: 'name' | 'outcome') => Math.max(...rows.map(row => row[column].length));
  const [nameWidth, outcomeWidth] = [width('name'), width('outcome')];
  return rows.flatMap(({ name, outcome, why, colour }) => {
    const cell = why === '' ? outcome : outcome.padEnd(outcomeWidth);
    return [
      `${name.padEnd(nameWidth)}  `,
      colour === undefined ? cell : { colour, text: cell },
      `${why === '' ? '' : `  ${why}`}\n`,
    ];
  });
};

const baseLine = (base: EnvironmentExplanation['base']): string => {
  if (base === undefined) return 'base: none, the environment is exact';
  const failures = base.attempts
    .filter(({ outcome }) => outcome === 'failed')
    .map(({ base, reason }) => `${base} failed: ${printableLine(reason ?? 'no reason given')}`);
  return `base: ${base.base}${failures.length > 0 ? ` (${failures.join('; ')})` : ''}`;
};

const countLine = ({ kept, removed, set }: EnvironmentExplanation['counts']): string =>
  `${kept} kept, ${removed} removed, ${set} set`;

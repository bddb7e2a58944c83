import type { EnvironmentExplanation } from '../core/index.ts';
import { visibleLine } from '../core/visible-text.ts';
import { describeReason, type EnvExplanation } from '../shared-config/index.ts';
import type { Colour, Paint } from './colours.ts';

/**
 * An explanation for people: the base, a line for each name, the counts. Names come in the order given, and
 * what could do something to a terminal is made visible.
 */
export const explanationTable = (
  { base, variables, counts }: EnvironmentExplanation,
  paint: Paint,
): string => {
  const rows = Object.entries(variables).map(([name, explanation]) =>
    rowOf(name, explanation as EnvExplanation),
  );
  const table = rows.length === 0 ? [] : aligned([HEAD, ...rows], paint);
  return [baseLine(base), ...table, countLine(counts)].map(line => `${line.trimEnd()}\n`).join('');
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
  name: visibleLine(name),
  outcome: explanation.outcome,
  why: visibleLine(describeReason(explanation)),
  colour: COLOURS[explanation.outcome],
});

const aligned = (rows: readonly Row[], paint: Paint): string[] => {
  const width = (column: 'name' | 'outcome') => Math.max(...rows.map(row => row[column].length));
  const [nameWidth, outcomeWidth] = [width('name'), width('outcome')];
  return rows.map(({ name, outcome, why, colour }) => {
    const cell = outcome.padEnd(outcomeWidth);
    const painted = colour === undefined ? cell : paint(colour, cell);
    return `${name.padEnd(nameWidth)}  ${painted}  ${why}`;
  });
};

const baseLine = (base: EnvironmentExplanation['base']): string => {
  if (base === undefined) return 'base: none, the environment is exact';
  const failures = base.attempts
    .filter(({ outcome }) => outcome === 'failed')
    .map(({ base, reason }) => `${base} failed: ${visibleLine(reason ?? 'no reason given')}`);
  return `base: ${base.base}${failures.length > 0 ? ` (${failures.join('; ')})` : ''}`;
};

const countLine = ({ kept, removed, set }: EnvironmentExplanation['counts']): string =>
  `${kept} kept, ${removed} removed, ${set} set`;

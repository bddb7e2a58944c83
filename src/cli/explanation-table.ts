import type { EnvironmentExplanation } from '../core/index.ts';
import { printableLine } from '../core/printable.ts';
import { describeReason, type EnvExplanation } from '../shared-config/index.ts';
import { defaultExclude, type FilePolicy, isDecidedByFile } from './decided-by-file.ts';
import { tableSpans } from './layout.ts';
import type { Colour, Span } from './spans.ts';

/**
 * Explanation as text: the base, a table of the names in their order, the counts.
 *
 * @param filePolicy the part of the policy that comes from a configuration file, which is then named as a reason
 */
export const explanationTable = (
  { base, variables, counts }: EnvironmentExplanation,
  filePolicy?: FilePolicy,
): Span[] => {
  const rows = Object.entries(variables).map(([name, explanation]) =>
    rowOf(name, explanation as EnvExplanation, filePolicy),
  );
  const table = rows.length === 0 ? [] : tableSpans([HEAD, ...rows]);
  return [`${baseLine(base)}\n`, ...table, `${countLine(counts)}\n`];
};

const HEAD: readonly Span[] = ['NAME', { colour: 'bold', text: 'OUTCOME' }, 'WHY'];

const COLOURS: Readonly<Record<EnvExplanation['outcome'], Colour | undefined>> = {
  kept: undefined,
  removed: 'red',
  set: 'green',
  absent: 'yellow',
};

const rowOf = (name: string, explanation: EnvExplanation, filePolicy: FilePolicy | undefined): Span[] => {
  const { outcome } = explanation;
  const colour = COLOURS[outcome];
  return [
    printableLine(name),
    colour === undefined ? outcome : { colour, text: outcome },
    printableLine(reasonOf(name, explanation, filePolicy)),
  ];
};

const reasonOf = (name: string, explanation: EnvExplanation, filePolicy: FilePolicy | undefined): string => {
  const reason = describeReason(explanation);
  if (filePolicy === undefined || !isDecidedByFile(name, explanation, filePolicy.fields)) return reason;
  return `${reason || `despite default exclude pattern ${defaultExclude(name)}`} (${filePolicy.file})`;
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

import type { Platform } from './env.ts';
import type { EnvDecision } from './env-decision.ts';
import { foldCase } from './fold-case.ts';

/** What became of a name that was asked for; `absent` if no step ever met it. */
export type EnvExplanation = EnvDecision | { readonly outcome: 'absent' };

/**
 * Answers for each name in `names`, under the spelling asked for, what became of it. On Windows any
 * spelling finds the name.
 */
export const explainNames = (
  names: readonly string[],
  decisions: ReadonlyMap<string, EnvDecision>,
  platform: Platform,
): ReadonlyMap<string, EnvExplanation> => {
  if (platform === 'posix') return new Map(names.map(name => [name, decisions.get(name) ?? ABSENT]));
  const byKey = new Map(Array.from(decisions, ([name, decision]) => [foldCase(name), decision]));
  return new Map(names.map(name => [name, byKey.get(foldCase(name)) ?? ABSENT]));
};

const ABSENT: EnvExplanation = { outcome: 'absent' };

import type { Platform } from './env.ts';
import type { EnvDecision } from './env-decision.ts';
import { foldCase } from './fold-case.ts';

/** The outcome of a requested name; `absent` if no step handled it. */
export type EnvExplanation = EnvDecision | { readonly outcome: 'absent' };

/**
 * Explains each name in `names`, by the requested spelling. On Windows any spelling finds the name.
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

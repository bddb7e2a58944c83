import { describeReason } from './describe-decision.ts';
import type { Platform } from './env.ts';
import type { EnvDecision } from './env-decision.ts';
import type { EnvBase } from './env-policy.ts';
import { type EnvExplanation, explainNames } from './explain-names.ts';

/** The outcome for the `PATH` of a child and, if there is a policy, the base that it started from. */
export type PathOrigin = EnvExplanation & { readonly base?: EnvBase };

/** Finds the origin of a child's `PATH` in the decisions on its variables. */
export const pathOrigin = (
  decisions: ReadonlyMap<string, EnvDecision>,
  base: EnvBase | undefined,
  platform: Platform,
): PathOrigin => ({
  ...(explainNames(['PATH'], decisions, platform).get('PATH') as EnvExplanation),
  ...(base !== undefined && { base }),
});

/** Describes the origin of a `PATH` for a message. */
export const describePathOrigin = (origin: PathOrigin): string => {
  const base = origin.base === undefined ? 'env' : `base ${origin.base}`;
  if (origin.outcome === 'absent') return `${base} has no PATH`;
  if (origin.outcome === 'kept') return `PATH kept from ${base}`;
  return `PATH ${origin.outcome} ${describeReason(origin)}`;
};

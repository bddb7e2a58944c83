import { describeReason } from './describe-decision.ts';
import type { Platform } from './env.ts';
import type { EnvDecision } from './env-decision.ts';
import type { EnvBase } from './env-policy.ts';
import { type EnvExplanation, explainNames } from './explain-names.ts';

/** What became of the `PATH` of a child, and the base that the policy started from, if there is a policy. */
export type PathOrigin = EnvExplanation & { readonly base?: EnvBase };

/** How a child comes by its `PATH`, by the decisions on its variables. */
export const pathOrigin = (
  decisions: ReadonlyMap<string, EnvDecision>,
  base: EnvBase | undefined,
  platform: Platform,
): PathOrigin => ({
  ...(explainNames(['PATH'], decisions, platform).get('PATH') as EnvExplanation),
  ...(base !== undefined && { base }),
});

/** The same in words. */
export const describePathOrigin = (origin: PathOrigin): string => {
  const base = origin.base === undefined ? 'env' : `base ${origin.base}`;
  if (origin.outcome === 'absent') return `${base} has no PATH`;
  if (origin.outcome === 'kept') return `PATH kept from ${base}`;
  return `PATH ${origin.outcome} ${describeReason(origin)}`;
};

import { type EnvInput, traceEnv } from './build-env.ts';
import { countDecisions, type EnvCounts } from './env-decision.ts';
import { type EnvExplanation, explainNames } from './explain-names.ts';

/** The explanations of variables, without values. */
export type ExplainedEnv = {
  readonly variables: ReadonlyMap<string, EnvExplanation>;
  /** Counts of all names that a step handled, requested or not. */
  readonly counts: EnvCounts;
};

/**
 * Explains an environment name by name.
 *
 * @param names the names to explain; default: every name that a step handled
 */
export const explainEnv = (input: EnvInput, names?: readonly string[]): ExplainedEnv => {
  const { decisions } = traceEnv(input);
  const variables = names === undefined ? decisions : explainNames(names, decisions, input.platform);
  return { variables, counts: countDecisions(decisions) };
};

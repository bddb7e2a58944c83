import { type EnvInput, traceEnv } from './build-env.ts';
import { countDecisions, type EnvCounts } from './env-decision.ts';
import { type EnvExplanation, explainNames } from './explain-names.ts';

/** What becomes of variables, without their values. */
export type ExplainedEnv = {
  readonly variables: ReadonlyMap<string, EnvExplanation>;
  /** Of every name that a step met, asked for or not. */
  readonly counts: EnvCounts;
};

/**
 * Explains an environment name by name.
 *
 * @param names the names to tell of; unless given, every name that a step met
 */
export const explainEnv = (input: EnvInput, names?: readonly string[]): ExplainedEnv => {
  const { decisions } = traceEnv(input);
  const variables = names === undefined ? decisions : explainNames(names, decisions, input.platform);
  return { variables, counts: countDecisions(decisions) };
};

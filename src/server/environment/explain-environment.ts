import type { ParamsOut, ResultIn } from '../../protocol/define.ts';
import { limitExceeded } from '../../protocol/errors.ts';
import type { Requests } from '../../protocol/messages.ts';
import { type Env, type ExplainedEnv, explainEnv, type Platform } from '../../shared-config/index.ts';
import { MAX_EXPLANATION_BYTES } from './limits.ts';
import { withinMatchLimit } from './match-limit.ts';

type Params = ParamsOut<Requests['environment/explain']>;
type Explanation = Pick<ResultIn<Requests['environment/explain']>, 'variables' | 'counts'>;

/**
 * What the policy and the overlay of a start make of a base, name by name: never a value.
 *
 * @throws {ExecServerError} `limitExceeded` for more than fits into an answer, or for patterns that take too long
 */
export const explainEnvironment = (
  { envPolicy, env, names }: Params,
  base: Env,
  platform: Platform,
): Explanation => {
  const { variables, counts } = withinMatchLimit(() =>
    explainEnv({ base, policy: envPolicy, overlay: env, platform }, names),
  );
  refuseTooLong(variables);
  return { variables: Object.fromEntries(variables), counts };
};

const refuseTooLong = (variables: ExplainedEnv['variables']): void => {
  let bytes = 0;
  for (const entry of variables) bytes += Buffer.byteLength(JSON.stringify(entry));
  if (bytes > MAX_EXPLANATION_BYTES) throw limitExceeded('explanationBytes', bytes, MAX_EXPLANATION_BYTES);
};

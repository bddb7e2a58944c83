import type { ParamsOut, ResultIn } from '../../protocol/define.ts';
import { limitExceeded } from '../../protocol/errors.ts';
import type { Requests } from '../../protocol/messages.ts';
import { type Env, type ExplainedEnv, explainEnv, type Platform } from '../../shared-config/index.ts';
import { MAX_EXPLANATION_BYTES } from './limits.ts';
import { withinMatchLimit } from './match-limit.ts';

type Params = ParamsOut<Requests['environment/explain']>;
type Explanation = Pick<ResultIn<Requests['environment/explain']>, 'variables' | 'counts'>;

/**
 * Explains the environment that a policy and an overlay make of a base, by names, never by values.
 *
 * @throws {ExecServerError} `limitExceeded` for an answer that is too long, or patterns that take too long
 */
export const explainEnvironment = (
  { envPolicy, env, names }: Params,
  base: Env,
  platform: Platform,
): Explanation => {
  const { variables, counts } = withinMatchLimit(() =>
    explainEnv({ base, policy: envPolicy, overlay: env, cwd: ANY_DIRECTORY, platform }, names),
  );
  assertFits(variables);
  return { variables: Object.fromEntries(variables), counts };
};

/** The directory decides about the value of PWD only. */
const ANY_DIRECTORY = '/';

const assertFits = (variables: ExplainedEnv['variables']): void => {
  let bytes = 0;
  for (const entry of variables) bytes += Buffer.byteLength(JSON.stringify(entry));
  if (bytes > MAX_EXPLANATION_BYTES) throw limitExceeded('explanationBytes', bytes, MAX_EXPLANATION_BYTES);
};

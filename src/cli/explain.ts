import type { EnvironmentExplanation, ProcessEnv, Target } from '../core/index.ts';
import { explanationTable } from './explanation-table.ts';
import { print, printJson } from './output.ts';
import { withServer } from './with-server.ts';

export type ExplainOptions = {
  readonly target: Target;
  readonly quiet: boolean;
  /** Time limit of the connection attempt, in milliseconds. */
  readonly connectTimeoutMs: number | undefined;
  readonly env: ProcessEnv;
  /** Names to explain, in this order; if empty, all names, sorted. */
  readonly names: readonly string[];
  /** Print one line of JSON. */
  readonly json: boolean;
};

/** Prints for each variable of a process of the server if it is kept, and the rule that decides; never a value. */
export const explainEnv = ({
  target,
  quiet,
  connectTimeoutMs,
  env,
  names,
  json,
}: ExplainOptions): Promise<number> =>
  withServer(target, { quiet, connectTimeoutMs }, async client => {
    const explanation =
      names.length > 0 ? await client.explain(env, names) : sorted(await client.explain(env));
    if (json) printJson(explanation);
    else print(...explanationTable(explanation));
    return 0;
  });

const sorted = ({ variables, ...rest }: EnvironmentExplanation): EnvironmentExplanation => ({
  ...rest,
  variables: Object.fromEntries(Object.entries(variables).sort(([one], [other]) => (one < other ? -1 : 1))),
});

import type { EnvironmentExplanation, ProcessEnv, Target } from '../core/index.ts';
import { explanationTable } from './explanation-table.ts';
import { print, printJson } from './output.ts';
import { withServer } from './session.ts';

export type ExplainOptions = {
  readonly target: Target;
  readonly quiet: boolean;
  readonly environment: ProcessEnv;
  /** The names to tell of, in this order; all of them, sorted, if there are none. */
  readonly names: readonly string[];
  /** Print the answer as one line of JSON. */
  readonly json: boolean;
};

/** Prints what would become of each variable of a process there, and by which step; never a value. */
export const explainEnv = ({ target, quiet, environment, names, json }: ExplainOptions): Promise<number> =>
  withServer(target, { quiet }, async client => {
    const explanation =
      names.length > 0
        ? await client.explain(environment, names)
        : inOrder(await client.explain(environment));
    if (json) printJson(explanation);
    else print(...explanationTable(explanation));
    return 0;
  });

const inOrder = ({ variables, ...rest }: EnvironmentExplanation): EnvironmentExplanation => ({
  ...rest,
  variables: Object.fromEntries(Object.entries(variables).sort(([one], [other]) => (one < other ? -1 : 1))),
});

import type { EnvironmentExplanation, ProcessEnv, Target } from '../core/index.ts';
import type { EnvExplanation } from '../shared-config/index.ts';
import { type FilePolicy, isDecidedByFile } from './decided-by-file.ts';
import { explanationTable } from './explanation-table.ts';
import { print, printJson } from './output.ts';
import { withServer } from './with-server.ts';

export type ExplainOptions = {
  readonly target: Target;
  readonly quiet: boolean;
  /** Time limit of the connection attempt, in milliseconds. */
  readonly connectTimeoutMs: number | undefined;
  readonly env: ProcessEnv;
  /** The part of the policy that comes from a configuration file. */
  readonly filePolicy: FilePolicy | undefined;
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
  filePolicy,
  names,
  json,
}: ExplainOptions): Promise<number> =>
  withServer(target, { quiet, connectTimeoutMs }, async client => {
    const explanation =
      names.length > 0 ? await client.explain(env, names) : sorted(await client.explain(env));
    if (json) printJson(withFile(explanation, filePolicy));
    else print(...explanationTable(explanation, filePolicy));
    return 0;
  });

/** Adds the file to each variable that it decided about. */
const withFile = (explanation: EnvironmentExplanation, filePolicy: FilePolicy | undefined) => ({
  ...explanation,
  variables: Object.fromEntries(
    Object.entries(explanation.variables).map(([name, variable]) => [
      name,
      filePolicy !== undefined && isDecidedByFile(name, variable as EnvExplanation, filePolicy.fields)
        ? { ...variable, config: filePolicy.file }
        : variable,
    ]),
  ),
});

const sorted = ({ variables, ...rest }: EnvironmentExplanation): EnvironmentExplanation => ({
  ...rest,
  variables: Object.fromEntries(Object.entries(variables).sort(([one], [other]) => (one < other ? -1 : 1))),
});

import { foldCase } from './fold-case.ts';

/**
 * Names of variables that hold or lead to credentials of the agent itself, in upper case. No process gets them, and no
 * client may use their values.
 */
const WITHHELD_NAMES: readonly string[] = [
  'OPENAI_FEDERATION_RULE_ID',
  'OPENAI_IDENTITY_TOKEN_FILE',
  'OPENAI_WORKLOAD_IDENTITY_CONTEXT',
  'CODEX_EXEC_SERVER_NOISE_AUTH_TOKEN',
  'NODE_REPL_AUTH_TOKEN',
];

/** Returns true if a variable is withheld from every process, in any case of its name. */
export const isWithheld = (name: string): boolean =>
  LENGTHS.has(name.length) && WITHHELD_NAMES.includes(foldCase(name));

// Few names have to be folded: folding does not change the length.
const LENGTHS: ReadonlySet<number> = new Set(WITHHELD_NAMES.map(({ length }) => length));

/** Returns the variables without those that are withheld; the object itself if there is none. */
export const withoutWithheld = <Variables extends Readonly<Record<string, string | null>>>(
  variables: Variables,
): Variables =>
  Object.keys(variables).some(isWithheld)
    ? (Object.fromEntries(Object.entries(variables).filter(([name]) => !isWithheld(name))) as Variables)
    : variables;

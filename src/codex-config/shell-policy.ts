import * as z from 'zod/mini';
import { EnvPolicy } from '../shared-config/env-policy.ts';
import { foldCase } from '../shared-config/fold-case.ts';
import { MAX_PATTERN_LENGTH, MAX_PATTERNS } from '../shared-config/limits.ts';
import { check, Findings, typeText } from './check.ts';
import { isTable, parseToml, type TomlTable } from './toml-document.ts';

/** The table of Codex's `config.toml` that holds the policy. */
const TABLE = 'shell_environment_policy';

/** Options of `parseShellPolicy`. */
export type ShellPolicyOptions = {
  /** True if unknown keys of the table are errors. */
  readonly strict?: boolean;
  /** Receives `FILE:LINE:COLUMN: TEXT` for each unknown key that is no error. */
  readonly onWarning?: (message: string) => void;
};

/**
 * Parses the policy of a `config.toml`: the table `shell_environment_policy`, with Codex's keys and one key for each
 * further field of `EnvPolicy`. The rest of the file is ignored, but has to be TOML.
 *
 * As in Codex, the table keeps names that look like secrets unless it sets `ignore_default_excludes`, and its unknown
 * keys have no effect.
 *
 * @param file the name of the file in messages
 * @returns the fields that the table has, and `ignoreDefaultExcludes`; `undefined` if the table is missing
 * @throws {ConfigError} with all problems of the table
 */
export const parseShellPolicy = (
  text: string,
  file: string,
  { strict = false, onWarning = () => {} }: ShellPolicyOptions = {},
): EnvPolicy | undefined => {
  const document = parseToml(text, file);
  const value = document.table[TABLE];
  if (value === undefined) return undefined;
  const findings = new Findings(document);
  const warnings = strict ? findings : new Findings(document);
  const table = check(PolicyTable, value, [TABLE], findings, { knownKeys: () => KEYS });
  if (isTable(value)) {
    for (const key of Object.keys(value)) if (!KEYS.includes(key)) warnings.addUnknown([TABLE], key, KEYS);
    checkFilters(value, findings);
  }
  findings.throwIfAny();
  for (const line of warnings.lines()) onWarning(line);
  return policyOf(table as TomlTable);
};

const snakeCase = (field: string): string => field.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);

/** The fields of a policy, by their keys in TOML. */
const FIELDS: ReadonlyMap<string, keyof EnvPolicy> = new Map(
  (Object.keys(EnvPolicy.shape) as Array<keyof EnvPolicy>).map(field => [snakeCase(field), field]),
);

const PolicyTable = z.object({
  ...Object.fromEntries(Array.from(FIELDS, ([key, field]) => [key, EnvPolicy.shape[field]])),
  // Checked by `checkFilters`: it becomes `exclude` and `includeOnly`.
  filters: z.optional(z.unknown()),
  experimental_use_profile: z.optional(z.boolean()),
});

const KEYS = Object.keys(PolicyTable.shape);

/** Checks `filters`, which replaces the lists `exclude` and `include_only` by one table. */
const checkFilters = (table: TomlTable, findings: Findings): void => {
  const { filters } = table;
  if (filters === undefined) return;
  const path = [TABLE, 'filters'];
  if (!isTable(filters)) {
    findings.add(path, `expected a table of "include" and "exclude", received ${typeText(filters)}`);
    return;
  }
  if (table.exclude !== undefined || table.include_only !== undefined) {
    findings.add(path, 'cannot be combined with `exclude` and `include_only`');
  }
  const patterns = Object.keys(filters);
  if (patterns.length > MAX_PATTERNS) findings.add(path, `expected at most ${MAX_PATTERNS} patterns`);
  const seen = new Set<string>();
  for (const pattern of patterns) {
    const action = filters[pattern];
    const folded = foldCase(pattern);
    if (action !== 'include' && action !== 'exclude') {
      const type = typeof action === 'string' ? 'another string' : typeText(action);
      findings.add([...path, pattern], `expected "include" or "exclude", received ${type}`);
    }
    if (pattern.length > MAX_PATTERN_LENGTH) {
      findings.add([...path, pattern], `expected a pattern of at most ${MAX_PATTERN_LENGTH} characters`);
    }
    if (seen.has(folded)) findings.add([...path, pattern], 'duplicate pattern (differs only in case)');
    seen.add(folded);
  }
};

const policyOf = ({ filters, experimental_use_profile: useProfile, ...table }: TomlTable): EnvPolicy => {
  const fields = Object.entries(table).map(([key, value]) => [FIELDS.get(key), value]);
  const policy = EnvPolicy.parse(Object.fromEntries(fields));
  policy.ignoreDefaultExcludes ??= true;
  // Codex then runs commands in a login shell; here they start from the environment of one.
  if (useProfile === true) policy.base ??= 'login';
  if (filters === undefined) return policy;
  const patterns = (action: string) =>
    Object.entries(filters as TomlTable).flatMap(([pattern, value]) => (value === action ? [pattern] : []));
  return { ...policy, exclude: patterns('exclude'), includeOnly: patterns('include') };
};

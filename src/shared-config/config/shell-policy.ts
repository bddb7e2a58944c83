import * as z from 'zod/mini';
import { EnvPolicy } from '../env-policy.ts';
import { foldCase } from '../fold-case.ts';
import { MAX_PATTERN_LENGTH, MAX_PATTERNS } from '../limits.ts';
import { check, Findings, typeText } from './check.ts';
import { isTable, parseToml, type TomlTable } from './toml-document.ts';

/** The table of Codex's `config.toml` that is a policy. */
const TABLE = 'shell_environment_policy';

/**
 * Reads the policy of a `config.toml`: its table `shell_environment_policy`, with the keys that Codex knows and
 * one for each further field of `EnvPolicy`. All else in the file is Codex's, and only has to be TOML.
 *
 * @param file how messages call the file
 * @returns the fields that the table has; `undefined` if there is no such table
 * @throws {ConfigError} with all that is wrong in the table
 */
export const parseShellPolicy = (text: string, file: string): EnvPolicy | undefined => {
  const document = parseToml(text, file);
  const value = document.table[TABLE];
  if (value === undefined) return undefined;
  const findings = new Findings(document);
  const table = check(PolicyTable, value, [TABLE], findings, { knownKeys: () => KEYS });
  checkFilters(value as Partial<TomlTable>, findings);
  findings.throwIfAny();
  return policyOf(table as TomlTable);
};

const snakeCase = (field: string): string => field.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);

/** The fields of a policy, by their keys in TOML. */
const FIELDS: ReadonlyMap<string, keyof EnvPolicy> = new Map(
  (Object.keys(EnvPolicy.shape) as Array<keyof EnvPolicy>).map(field => [snakeCase(field), field]),
);

const PolicyTable = z.strictObject({
  ...Object.fromEntries(Array.from(FIELDS, ([key, field]) => [key, EnvPolicy.shape[field]])),
  // Checked apart: what it becomes is a field of the policy.
  filters: z.optional(z.unknown()),
  experimental_use_profile: z.optional(z.boolean()),
});

const KEYS = Object.keys(PolicyTable.shape);

/** `filters` says in one table what `exclude` and `include_only` say in two lists. */
const checkFilters = (table: Partial<TomlTable>, findings: Findings): void => {
  const { filters } = table;
  if (filters === undefined) return;
  const path = [TABLE, 'filters'];
  if (!isTable(filters)) {
    findings.add(path, `expected a table of "include" and "exclude", got ${typeText(filters)}`);
    return;
  }
  if (table.exclude !== undefined || table.include_only !== undefined) {
    findings.add(path, 'stands in place of `exclude` and `include_only`, not beside them');
  }
  const patterns = Object.keys(filters);
  if (patterns.length > MAX_PATTERNS) findings.add(path, `expected at most ${MAX_PATTERNS} patterns`);
  const seen = new Set<string>();
  for (const pattern of patterns) {
    const action = filters[pattern];
    const folded = foldCase(pattern);
    if (action !== 'include' && action !== 'exclude') {
      const came = typeof action === 'string' ? 'another string' : typeText(action);
      findings.add([...path, pattern], `expected "include" or "exclude", got ${came}`);
    }
    if (pattern.length > MAX_PATTERN_LENGTH) {
      findings.add([...path, pattern], `expected a pattern of at most ${MAX_PATTERN_LENGTH} characters`);
    }
    if (seen.has(folded)) findings.add([...path, pattern], 'the same pattern again, in other case');
    seen.add(folded);
  }
};

const policyOf = ({ filters, experimental_use_profile: useProfile, ...table }: TomlTable): EnvPolicy => {
  const fields = Object.entries(table).map(([key, value]) => [FIELDS.get(key), value]);
  const policy = EnvPolicy.parse(Object.fromEntries(fields));
  // Codex runs commands by a login shell then; here the environment of one does it.
  if (useProfile === true) policy.base ??= 'login';
  if (filters === undefined) return policy;
  const patterns = (action: string) =>
    Object.entries(filters as TomlTable).flatMap(([pattern, wanted]) => (wanted === action ? [pattern] : []));
  return { ...policy, exclude: patterns('exclude'), includeOnly: patterns('include') };
};

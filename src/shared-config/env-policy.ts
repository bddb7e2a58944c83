import * as z from 'zod/mini';
import { INHERIT_CORE_NAMES } from './core-names.ts';
import type { Env, Platform } from './env.ts';
import type { EnvRemoved, EnvSet } from './env-decision.ts';
import { EnvDraft } from './env-draft.ts';
import { foldCase } from './fold-case.ts';
import { MAX_PATTERN_LENGTH, MAX_PATTERNS, MAX_PATTERNS_LENGTH } from './limits.ts';
import { MatchEffort } from './match-effort.ts';
import { compilePattern, matchesPattern } from './patterns.ts';
import { secretShape } from './secret-values.ts';
import { variables } from './variables.ts';

const PatternList = z
  .array(
    z
      .string()
      .check(
        z.maxLength(MAX_PATTERN_LENGTH, `expected a pattern of at most ${MAX_PATTERN_LENGTH} characters`),
      ),
  )
  .check(
    z.maxLength(MAX_PATTERNS, `expected at most ${MAX_PATTERNS} patterns`),
    z.refine(
      patterns => patterns.reduce((sum, { length }) => sum + length, 0) <= MAX_PATTERNS_LENGTH,
      `expected patterns of at most ${MAX_PATTERNS_LENGTH} characters in all`,
    ),
  );

const field = <Schema extends z.ZodMiniType>(schema: Schema, description: string) =>
  z.optional(z.nullable(schema)).check(z.describe(description));

/**
 * The environment of a machine that a policy starts from: that of the process that applies it, or what the account's
 * own shell exports as a login shell or as an interactive login shell.
 */
export const EnvBase = z.enum(['process', 'login', 'loginInteractive']);
export type EnvBase = z.output<typeof EnvBase>;

/**
 * The rules that derive a child's environment from a base environment. A field that is absent or `null` has its
 * default: `base` is `process`, `inherit` `all`, each switch false, and the rest empty.
 *
 * The functions of this folder receive the base environment and ignore `base`: the caller resolves it.
 */
export const EnvPolicy = z.object({
  base: field(
    EnvBase,
    "The base to start from: `process` (default), the server's own environment; `login` or `loginInteractive`, what the account's shell exports as such a shell.",
  ),
  inherit: field(
    z.enum(['all', 'core', 'none']),
    'The variables of the base to start from: `all` (default), `core` or `none`.',
  ),
  ignoreDefaultExcludes: field(
    z.boolean(),
    'True to keep inherited names like `*KEY*`, `*SECRET*` and `*TOKEN*`. Default: false.',
  ),
  exclude: field(PatternList, 'Inherited names to leave out: `*` is any run, `?` one character, no case.'),
  secretValues: field(
    z.boolean(),
    'True to leave out inherited values that look like secrets, under any name. Default: false.',
  ),
  set: field(variables({ nullable: false }), 'Variables to set; no exclude applies to them.'),
  includeOnly: field(PatternList, 'If not empty, only names that match stay, `set` ones too.'),
  keepLocale: field(
    z.boolean(),
    'True to keep a UTF-8 locale of the base instead of `LANG`, `LC_CTYPE` and `LC_ALL` of `env`. Default: false.',
  ),
});
export type EnvPolicy = z.output<typeof EnvPolicy>;

/** Patterns of inherited names that a policy removes unless it has `ignoreDefaultExcludes`. */
export const DEFAULT_EXCLUDES: readonly string[] = ['*KEY*', '*SECRET*', '*TOKEN*'];

/** Applies a policy to an environment, without an overlay. */
export const applyEnvPolicy = (policy: EnvPolicy, env: Env, platform: Platform): Env => {
  const draft = new EnvDraft(platform);
  applyPolicyTo(draft, policy, env);
  return draft.toEnv();
};

/**
 * Applies a policy to an empty draft.
 *
 * @param cwd as in `EnvInput`; Windows gives PWD and OLDPWD no meaning
 * @throws {MatchLimitError} for patterns and names of which matching would take too long
 */
export const applyPolicyTo = (draft: EnvDraft, policy: EnvPolicy, env: Env, cwd?: string | null): void => {
  const effort = new MatchEffort();
  inherit(draft, policy, env, draft.platform === 'posix' ? cwd : undefined, effort);
  for (const [name, value] of Object.entries(policy.set ?? {})) {
    if (draft.equals(name, TOOL_CALL_ID)) draft.omit(name, OF_A_TOOL_CALL);
    else draft.set(name, value, SET);
  }
  keepOnly(draft, policy.includeOnly ?? [], effort);
};

/** The variable with the id of the tool call that a process belongs to; only the overlay can set it. */
const TOOL_CALL_ID = 'CODEX_TOOL_CALL_ID';

const SET: EnvSet = { outcome: 'set', by: 'policy' };
const OF_A_TOOL_CALL: EnvRemoved = { outcome: 'removed', by: 'toolCall' };
const NOT_INHERITED: EnvRemoved = { outcome: 'removed', by: 'inherit' };
const NOT_INCLUDED: EnvRemoved = { outcome: 'removed', by: 'includeOnly' };

/** Returns the reason to remove a variable, or `undefined`. */
type Objection = (foldedName: string, name: string, effort: MatchEffort) => EnvRemoved | undefined;

const inherit = (
  draft: EnvDraft,
  policy: EnvPolicy,
  env: Env,
  cwd: string | null | undefined,
  effort: MatchEffort,
): void => {
  const objections = objectionsOf(policy, env, draft.platform);
  const add = (name: string, value: string) => {
    const removed = objections.length > 0 ? firstObjection(objections, name, effort) : undefined;
    if (removed) draft.omit(name, removed);
    else if (draft.equals(name, TOOL_CALL_ID)) draft.omit(name, OF_A_TOOL_CALL);
    else draft.keep(name, value);
  };
  for (const [name, value] of Object.entries(env)) {
    if (cwd === undefined || (name !== 'PWD' && name !== 'OLDPWD')) add(name, value);
    else if (name === 'PWD' && cwd !== null) add(name, cwd);
    else draft.omit(name, NOT_INHERITED);
  }
  if (typeof cwd === 'string' && !Object.hasOwn(env, 'PWD') && !firstObjection(objections, 'PWD', effort))
    draft.set('PWD', cwd, SET_BY_PLATFORM);
};

const SET_BY_PLATFORM: EnvSet = { outcome: 'set', by: 'platform' };

const objectionsOf = (policy: EnvPolicy, env: Env, platform: Platform): Objection[] => {
  const core = INHERIT_CORE_NAMES[platform];
  if (policy.inherit === 'none') return [() => NOT_INHERITED];
  const objections: Objection[] = [];
  if (policy.inherit === 'core') objections.push(name => (core.has(name) ? undefined : NOT_INHERITED));
  if (!policy.ignoreDefaultExcludes) objections.push(...DEFAULT_OBJECTIONS);
  objections.push(...(policy.exclude ?? []).map(pattern => objectionTo(pattern, 'exclude')));
  if (policy.secretValues) objections.push(objectionToSecrets(env));
  return objections;
};

const objectionTo = (source: string, by: 'defaultExcludes' | 'exclude'): Objection => {
  const pattern = compilePattern(source);
  const removed: EnvRemoved = { outcome: 'removed', by, pattern: source };
  return (foldedName, _, effort) => (matchesPattern(pattern, foldedName, effort) ? removed : undefined);
};

const DEFAULT_OBJECTIONS = DEFAULT_EXCLUDES.map(pattern => objectionTo(pattern, 'defaultExcludes'));

const objectionToSecrets = (env: Env): Objection => {
  const shapes = secretShapesOf(env);
  return (_, name) => {
    const pattern = shapes.get(name);
    return pattern === undefined ? undefined : { outcome: 'removed', by: 'secretValue', pattern };
  };
};

/** The secret shapes in an environment by name, found once: the search takes longer than the rest of a policy. */
const secretShapesOf = (env: Env): ReadonlyMap<string, string> => {
  const known = knownShapes.get(env);
  if (known !== undefined) return known;
  const shapes = new Map<string, string>();
  for (const [name, value] of Object.entries(env)) {
    const shape = secretShape(value);
    if (shape !== undefined) shapes.set(name, shape);
  }
  knownShapes.set(env, shapes);
  return shapes;
};

const knownShapes = new WeakMap<Env, ReadonlyMap<string, string>>();

const firstObjection = (
  objections: readonly Objection[],
  name: string,
  effort: MatchEffort,
): EnvRemoved | undefined => {
  const folded = folding(name, effort);
  for (const objection of objections) {
    const removed = objection(folded, name, effort);
    if (removed) return removed;
  }
  return undefined;
};

/** Steps that count for folding a character. */
const FOLDING_STEPS = 12;

/** A name in folded case, which takes time by its length. */
const folding = (name: string, effort: MatchEffort): string => {
  effort.spend(FOLDING_STEPS * name.length);
  return foldCase(name);
};

const keepOnly = (draft: EnvDraft, includeOnly: readonly string[], effort: MatchEffort): void => {
  if (includeOnly.length === 0) return;
  const patterns = includeOnly.map(compilePattern);
  for (const name of draft.names()) {
    const folded = folding(name, effort);
    if (!patterns.some(pattern => matchesPattern(pattern, folded, effort))) draft.remove(name, NOT_INCLUDED);
  }
};

/** A variable that the child has as the base environment has it. */
export type EnvKept = {
  readonly outcome: 'kept';
  /** What kept the overlay from setting it. */
  readonly by?: 'keepLocale';
};

/** A variable that the child does not have, and the step that took it away or kept it out. */
export type EnvRemoved = {
  readonly outcome: 'removed';
  readonly by:
    | 'inherit'
    | 'defaultExcludes'
    | 'exclude'
    | 'secretValue'
    | 'includeOnly'
    | 'overlay'
    | 'keepLocale';
  /**
   * The first pattern of `defaultExcludes` or `exclude` that describes the name, as it was written; the name
   * of the shape of secret that `secretValue` found.
   */
  readonly pattern?: string;
};

/** A variable that was given its value: by the policy's `set`, by the overlay, or by a platform's default. */
export type EnvSet = { readonly outcome: 'set'; readonly by: 'policy' | 'overlay' | 'platform' };

/** What became of one name, and why. Never holds a value. */
export type EnvDecision = EnvKept | EnvRemoved | EnvSet;

/** How many names there are of each outcome. */
export type EnvCounts = Readonly<Record<EnvDecision['outcome'], number>>;

/** Counts decisions by their outcome. `kept` + `set` is the number of variables that the child has. */
export const countDecisions = (decisions: ReadonlyMap<string, EnvDecision>): EnvCounts => {
  const counts = { kept: 0, removed: 0, set: 0 };
  for (const { outcome } of decisions.values()) counts[outcome] += 1;
  return counts;
};

/** A variable with its value from the base environment. */
export type EnvKept = {
  readonly outcome: 'kept';
  /** The switch that kept the overlay from setting it. */
  readonly by?: 'keepLocale';
};

/** A variable that the child does not have, and the step that removed it. */
export type EnvRemoved = {
  readonly outcome: 'removed';
  readonly by:
    | 'inherit'
    | 'defaultExcludes'
    | 'exclude'
    | 'secretValue'
    | 'includeOnly'
    | 'overlay'
    | 'keepLocale'
    | 'toolCall'
    | 'withheld';
  /**
   * For `defaultExcludes` and `exclude`: the first pattern that matches the name, as it was written. For
   * `secretValue`: the name of the shape that was found.
   */
  readonly pattern?: string;
};

/** A variable that was set: by the policy's `set`, by the overlay, or by a default of the platform. */
export type EnvSet = { readonly outcome: 'set'; readonly by: 'policy' | 'overlay' | 'platform' };

/** The outcome for one name, and its reason. Never holds a value. */
export type EnvDecision = EnvKept | EnvRemoved | EnvSet;

/** The number of names by outcome. */
export type EnvCounts = Readonly<Record<EnvDecision['outcome'], number>>;

/** Counts decisions by outcome. `kept` + `set` is the number of variables that the child has. */
export const countDecisions = (decisions: ReadonlyMap<string, EnvDecision>): EnvCounts => {
  const counts = { kept: 0, removed: 0, set: 0 };
  for (const { outcome } of decisions.values()) counts[outcome] += 1;
  return counts;
};

import { type EnvExplanation, type EnvPolicy, traceEnv } from '../shared-config/index.ts';

/** The fields of a policy that come from a configuration file, and its path. */
export type FilePolicy = { readonly file: string; readonly fields: EnvPolicy };

/** Returns true if a field of the file decided the outcome for a variable. */
export const isDecidedByFile = (name: string, explanation: EnvExplanation, fields: EnvPolicy): boolean => {
  switch (explanation.outcome) {
    case 'kept':
      return explanation.by === 'keepLocale'
        ? fields.keepLocale === true
        : fields.ignoreDefaultExcludes === true && defaultExclude(name) !== undefined;
    case 'removed':
      return isRemovedByFile(explanation, fields);
    case 'set':
      return explanation.by === 'policy' && Object.hasOwn(fields.set ?? {}, name);
    case 'absent':
      return false;
  }
};

const isRemovedByFile = (
  { by, pattern }: EnvExplanation & { outcome: 'removed' },
  { inherit, exclude, secretValues, includeOnly, keepLocale, ignoreDefaultExcludes }: EnvPolicy,
): boolean => {
  switch (by) {
    case 'inherit':
      return (inherit ?? 'all') !== 'all';
    case 'defaultExcludes':
      return ignoreDefaultExcludes === false;
    case 'exclude':
      return exclude?.some(source => source === pattern) ?? false;
    case 'secretValue':
      return secretValues === true;
    case 'includeOnly':
      return (includeOnly?.length ?? 0) > 0;
    case 'keepLocale':
      return keepLocale === true;
    default:
      return false;
  }
};

/** Returns the default exclude pattern that matches a name; `undefined` if none does. */
export const defaultExclude = (name: string): string | undefined => {
  const { decisions } = traceEnv({ base: { [name]: '' }, policy: {}, platform: 'posix' });
  const decision = decisions.get(name);
  return decision?.outcome === 'removed' && decision.by === 'defaultExcludes' ? decision.pattern : undefined;
};

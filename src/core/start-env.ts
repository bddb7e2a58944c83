import {
  buildEnv,
  type Env,
  type EnvInput,
  type EnvOverlay,
  type EnvPolicy,
  LOCALE_NAMES,
  platformOf,
  withoutWithheld,
} from '../shared-config/index.ts';
import {
  isSettable,
  keepsHostLocale,
  ownedByCore,
  type RuntimeFacts,
  runtimeOverlay,
} from './runtime-env.ts';

/** The variables of a process. */
export type ProcessEnv =
  /** These variables and no others, on any machine. */
  | { readonly exact: Env }
  /** The variables of the machine it runs on, filtered and changed. */
  | EnvByPolicy;

/** The steps from the variables of a machine to those of a process. */
export type EnvByPolicy = {
  /** Default: all variables except those whose names look like secrets. */
  readonly policy?: EnvPolicy | undefined;
  /** Facts that become variables. */
  readonly runtime?: RuntimeFacts | undefined;
  /** Variables that are set last; `null` removes a name. */
  readonly overlay?: EnvOverlay | undefined;
};

/** The fields of `process/start` for the environment. */
export type StartEnv = { readonly env: EnvOverlay; readonly envPolicy?: EnvPolicy };

/**
 * Returns the environment of a start on another machine: the policy, which is applied there, and an overlay with only
 * the variables that Core adds.
 *
 * The overlay is a difference by name, not by value, to what the policy returns on Core's machine: a variable that Core
 * sets to the value that its own machine has would otherwise get the value of the other machine.
 */
export const remoteStartEnv = (environment: ProcessEnv): StartEnv => {
  if ('exact' in environment) return { env: withoutWithheld(environment.exact) };
  const { policy = {}, runtime = {}, overlay = {} } = environment;
  // A caller that sets a locale decides about all of it.
  const setsLocale = keepsHostLocale(runtime) && LOCALE_NAMES.some(name => (overlay[name] ?? null) !== null);
  const facts = Object.entries(runtimeOverlay(runtime));
  return {
    envPolicy: {
      ...policy,
      ...(policy.set && { set: settable(policy.set) }),
      exclude: [...(policy.exclude ?? []), ...ownedByCore(runtime)],
      ...(keepsHostLocale(runtime) && !setsLocale && { keepLocale: true }),
    },
    // The names of the caller are last: of two spellings of one name, the last one counts.
    env: withoutWithheld(
      Object.fromEntries([
        ...facts.filter(
          ([name]) => !Object.hasOwn(overlay, name) && !(setsLocale && LOCALE_NAMES.includes(name)),
        ),
        ...Object.entries(overlay),
      ]),
    ),
  };
};

const settable = (set: Env): Env =>
  Object.fromEntries(Object.entries(withoutWithheld(set)).filter(([name]) => isSettable(name)));

/**
 * Returns the environment of a start on this machine: the exact result of the policy for `localEnv`.
 *
 * If the base is a login shell, which only the server can run, the server gets the policy like one on another machine.
 * Its fallback is its own environment, which it has inherited from this side.
 *
 * @param cwd the working directory of the process, as a native path; `null` if it is not UTF-8
 */
export const localStartEnv = (
  environment: ProcessEnv,
  localEnv: Env,
  platform: NodeJS.Platform,
  cwd?: string | null,
): StartEnv => {
  const start = remoteStartEnv(environment);
  return resolvesLocally(start) ? { env: buildEnv({ ...envInput(start, localEnv, platform), cwd }) } : start;
};

/** True if Core builds the environment of such a start on its own machine. */
export const resolvesLocally = ({ envPolicy }: StartEnv): boolean =>
  (envPolicy?.base ?? 'process') === 'process';

/** Returns the input from which the environment of such a start is built. */
export const envInput = (
  { env, envPolicy }: StartEnv,
  localEnv: Env,
  platform: NodeJS.Platform,
): EnvInput => ({
  base: localEnv,
  policy: envPolicy,
  overlay: env,
  platform: platformOf(platform),
});

import {
  buildEnv,
  type Env,
  type EnvInput,
  type EnvOverlay,
  type EnvPolicy,
  LOCALE_NAMES,
  platformOf,
} from '../shared-config/index.ts';
import { keepsHostLocale, ownedByCore, type RuntimeFacts, runtimeOverlay } from './runtime-env.ts';

/** The environment that a process is to get. */
export type ProcessEnv =
  /** These variables and no others, wherever the process runs. */
  | { readonly exact: Env }
  /** What a policy makes of the environment of the machine it runs on. */
  | EnvByPolicy;

export type EnvByPolicy = {
  /** Default: all of it, but for names that look like secrets. */
  readonly policy?: EnvPolicy | undefined;
  /** Becomes variables that tell these facts. */
  readonly runtime?: RuntimeFacts | undefined;
  /** Laid over everything else; `null` removes a name. */
  readonly overlay?: EnvOverlay | undefined;
};

/** The environment as `process/start` carries it. */
export type StartEnv = { readonly env: EnvOverlay; readonly envPolicy?: EnvPolicy };

/**
 * The environment of a start on another machine: the policy, to be applied there, and an overlay with no
 * more than Core adds to it.
 *
 * The overlay is the difference between the environment that Core would use on its own machine and the one
 * that the policy alone gives there, taken by name: what the policy gives comes from the machine's
 * environment, the rest comes from Core. By value it would miss a variable that Core sets to what its own
 * machine happens to have, and the process would get the other machine's.
 */
export const remoteStartEnv = (environment: ProcessEnv): StartEnv => {
  if ('exact' in environment) return { env: environment.exact };
  const { policy = {}, runtime = {}, overlay = {} } = environment;
  // A caller who names a locale decides about it alone.
  const localeIsAsked =
    keepsHostLocale(runtime) && LOCALE_NAMES.some(name => (overlay[name] ?? null) !== null);
  const facts = Object.entries(runtimeOverlay(runtime));
  return {
    envPolicy: {
      ...policy,
      exclude: [...(policy.exclude ?? []), ...ownedByCore(runtime)],
      ...(keepsHostLocale(runtime) && !localeIsAsked && { keepLocale: true }),
    },
    // The caller's names come last: where two spellings are one name, the last one counts.
    env: Object.fromEntries([
      ...facts.filter(
        ([name]) => !Object.hasOwn(overlay, name) && !(localeIsAsked && LOCALE_NAMES.includes(name)),
      ),
      ...Object.entries(overlay),
    ]),
  };
};

/**
 * The environment of a start on this machine: exactly what the same policy makes of `ownEnv`.
 *
 * Unless the policy starts from a login shell: only the server asks one. It then gets the policy as a server
 * elsewhere does, and where no shell answers it starts from its own environment, which it has from here.
 */
export const localStartEnv = (environment: ProcessEnv, ownEnv: Env, platform: NodeJS.Platform): StartEnv => {
  const start = remoteStartEnv(environment);
  return isMadeHere(start) ? { env: buildEnv(envInput(start, ownEnv, platform)) } : start;
};

/** Whether Core itself makes the environment of a start on its machine. */
export const isMadeHere = ({ envPolicy }: StartEnv): boolean => (envPolicy?.base ?? 'process') === 'process';

/** What the environment of such a start is made of. */
export const envInput = ({ env, envPolicy }: StartEnv, ownEnv: Env, platform: NodeJS.Platform): EnvInput => ({
  base: ownEnv,
  policy: envPolicy,
  overlay: env,
  platform: platformOf(platform),
});

import { buildEnv, type Env, type EnvOverlay, type EnvPolicy, platformOf } from '../shared-config/index.ts';
import { CORE_NAMES, type RuntimeFacts, runtimeOverlay } from './runtime-env.ts';

/** The environment that a process is to get. */
export type ProcessEnvironment =
  /** These variables and no others, wherever the process runs. */
  | { readonly exact: Env }
  /** What a policy makes of the environment of the machine it runs on. */
  | {
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
export const remoteStartEnv = (environment: ProcessEnvironment): StartEnv => {
  if ('exact' in environment) return { env: environment.exact };
  const policy = environment.policy ?? {};
  return {
    envPolicy: { ...policy, exclude: [...(policy.exclude ?? []), ...CORE_NAMES] },
    env: addedByCore(environment),
  };
};

/** The environment of a start on this machine: exactly what the same policy makes of `ownEnv`. */
export const localStartEnv = (
  environment: ProcessEnvironment,
  ownEnv: Env,
  platform: NodeJS.Platform,
): StartEnv => {
  const { env, envPolicy } = remoteStartEnv(environment);
  return { env: buildEnv({ base: ownEnv, policy: envPolicy, overlay: env, platform: platformOf(platform) }) };
};

const addedByCore = ({
  runtime = {},
  overlay = {},
}: Exclude<ProcessEnvironment, { exact: Env }>): EnvOverlay =>
  // The caller's names come last: where two spellings are one name, the last one counts.
  Object.fromEntries([
    ...Object.entries(runtimeOverlay(runtime)).filter(([name]) => !Object.hasOwn(overlay, name)),
    ...Object.entries(overlay),
  ]);

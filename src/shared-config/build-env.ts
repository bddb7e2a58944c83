import type { Env, Platform } from './env.ts';
import type { EnvDecision, EnvSet } from './env-decision.ts';
import { EnvDraft } from './env-draft.ts';
import { type EnvOverlay, layOverlay } from './env-overlay.ts';
import { type EnvPolicy, followPolicy } from './env-policy.ts';
import { foldCase } from './fold-case.ts';
import { givesWayTo } from './keep-locale.ts';

/** What a child's environment is made of. */
export type EnvInput = {
  /** What the policy starts from: the environment of the side that runs the child. Unused without one. */
  readonly base: Env;
  readonly policy?: EnvPolicy | null | undefined;
  readonly overlay?: EnvOverlay | null | undefined;
  readonly platform: Platform;
};

/** An environment together with how it came about. */
export type TracedEnv = {
  readonly env: Env;
  /**
   * The last decision on every name of the base, of `set` and of the overlay, under the spelling that the
   * child sees. A name that the overlay removes though it was never there has none; nor has one of the base
   * when there is no policy.
   */
  readonly decisions: ReadonlyMap<string, EnvDecision>;
};

/**
 * The environment of a child. With a policy: what the policy makes of the base, the overlay on top, and on
 * Windows a PATHEXT if there is none and the overlay doesn't refuse it. Without: exactly the overlay.
 */
export const buildEnv = (input: EnvInput): Env => draw(input, false).toEnv();

/** Builds the same environment and records the decision on each name. */
export const traceEnv = (input: EnvInput): TracedEnv => {
  const draft = draw(input, true);
  return { env: draft.toEnv(), decisions: draft.decisions() };
};

const draw = ({ base, policy, overlay, platform }: EnvInput, record: boolean): EnvDraft => {
  const draft = new EnvDraft(platform, { record });
  if (policy) followPolicy(draft, policy, base);
  layOverlay(draft, overlay ?? {}, policy?.keepLocale ? givesWayTo(draft, overlay ?? {}) : undefined);
  if (policy && platform === 'windows') completePathExt(draft, overlay ?? {});
  return draft;
};

const PATHEXT = '.COM;.EXE;.BAT;.CMD';
const SET: EnvSet = { outcome: 'set', by: 'platform' };

// Without PATHEXT no bare program name is found on Windows. A `null` for it is a decision, though.
const completePathExt = (draft: EnvDraft, overlay: EnvOverlay): void => {
  const refused = Object.keys(overlay).some(name => foldCase(name) === 'PATHEXT');
  if (!draft.has('PATHEXT') && !refused) draft.set('PATHEXT', PATHEXT, SET);
};

import type { Env, Platform } from './env.ts';
import type { EnvDecision, EnvSet } from './env-decision.ts';
import { EnvDraft } from './env-draft.ts';
import { applyOverlayTo, type EnvOverlay } from './env-overlay.ts';
import { applyPolicyTo, type EnvPolicy } from './env-policy.ts';
import { foldCase } from './fold-case.ts';
import { localeNamesToKeep } from './keep-locale.ts';

/** The inputs of a child's environment. */
export type EnvInput = {
  /** The environment that the policy starts from, of the machine that runs the child. Unused without a policy. */
  readonly base: Env;
  readonly policy?: EnvPolicy | null | undefined;
  readonly overlay?: EnvOverlay | null | undefined;
  /**
   * Working directory of the child. With a policy, PWD is inherited with this value, also if the base has none, and OLDPWD
   * is not inherited. `null` for a directory that no variable can name: PWD is not inherited either. Default: both are
   * as in the base.
   */
  readonly cwd?: string | null | undefined;
  readonly platform: Platform;
};

/** An environment and the decisions that led to it. */
export type TracedEnv = {
  readonly env: Env;
  /**
   * The last decision on each name of the base, of `set` and of the overlay, by the spelling that the child sees.
   * There is none for a missing name that the overlay removes, and without a policy none for names of the base.
   */
  readonly decisions: ReadonlyMap<string, EnvDecision>;
};

/**
 * Builds the environment of a child. With a policy: the policy is applied to the base, then the overlay; on Windows a
 * missing PATHEXT is added unless the overlay removes it. Without a policy: exactly the overlay.
 */
export const buildEnv = (input: EnvInput): Env => draw(input, false).toEnv();

/** Builds the same environment and records the decision on each name. */
export const traceEnv = (input: EnvInput): TracedEnv => {
  const draft = draw(input, true);
  return { env: draft.toEnv(), decisions: draft.decisions() };
};

const draw = ({ base, policy, overlay, cwd, platform }: EnvInput, record: boolean): EnvDraft => {
  const draft = new EnvDraft(platform, { record });
  if (policy) applyPolicyTo(draft, policy, base, cwd);
  applyOverlayTo(
    draft,
    overlay ?? {},
    policy?.keepLocale ? localeNamesToKeep(draft, overlay ?? {}) : undefined,
  );
  if (policy && platform === 'windows') completePathExt(draft, overlay ?? {});
  return draft;
};

const PATHEXT = '.COM;.EXE;.BAT;.CMD';
const SET: EnvSet = { outcome: 'set', by: 'platform' };

// Without PATHEXT, Windows finds no program by a bare name. A `null` in the overlay is respected.
const completePathExt = (draft: EnvDraft, overlay: EnvOverlay): void => {
  const removed = Object.keys(overlay).some(name => foldCase(name) === 'PATHEXT');
  if (!draft.has('PATHEXT') && !removed) draft.set('PATHEXT', PATHEXT, SET);
};

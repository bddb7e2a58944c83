import type { Env, Platform } from './env.ts';
import { EnvDraft } from './env-draft.ts';
import { type EnvPolicy, followPolicy } from './env-policy.ts';

/**
 * What the last policies made of their base environments. A base is known by being the same object, so it may
 * not be changed; a policy by saying the same. It is all forgotten with the base.
 */
export class FollowedPolicies {
  /** By platform and policy, as text; the one asked for last is the last. */
  readonly #drafts = new WeakMap<Env, Map<string, EnvDraft>>();

  /** What a policy makes of a base, as a draft that notes its decisions and is the caller's own. */
  draft(policy: EnvPolicy, base: Env, platform: Platform): EnvDraft {
    const text = `${platform} ${JSON.stringify(policy)}`;
    if (text.length > MAX_KEPT_LENGTH) return follow(policy, base, platform);
    const drafts = this.#of(base);
    const draft = drafts.get(text) ?? follow(policy, base, platform);
    drafts.delete(text);
    drafts.set(text, draft);
    const [oldest] = drafts.keys();
    if (drafts.size > MAX_KEPT && oldest !== undefined) drafts.delete(oldest);
    return draft.copy();
  }

  #of(base: Env): Map<string, EnvDraft> {
    const known = this.#drafts.get(base);
    if (known !== undefined) return known;
    const drafts = new Map<string, EnvDraft>();
    this.#drafts.set(base, drafts);
    return drafts;
  }
}

/** Policies kept for each base: a client has one, and another one now and then. */
const MAX_KEPT = 4;

/** A longer policy is followed anew each time, so that what is kept stays small. */
const MAX_KEPT_LENGTH = 64 * 1024;

const follow = (policy: EnvPolicy, base: Env, platform: Platform): EnvDraft => {
  const draft = new EnvDraft(platform, { record: true });
  followPolicy(draft, policy, base);
  return draft;
};

import * as z from 'zod/mini';
import type { Env, Platform } from './env.ts';
import type { EnvRemoved, EnvSet } from './env-decision.ts';
import { EnvDraft } from './env-draft.ts';
import { variables } from './variables.ts';

/** Variables applied after everything else: a value sets the name, `""` too; `null` removes it. */
export const EnvOverlay = variables({ nullable: true }).check(
  z.describe('Variables laid over everything else, past every filter; `null` removes the name.'),
);
export type EnvOverlay = Readonly<z.output<typeof EnvOverlay>>;

/**
 * Applies an overlay to an environment. Entries are applied in order, which matters only on Windows, where two may
 * spell one name.
 */
export const applyOverlay = (overlay: EnvOverlay, env: Env, platform: Platform): Env => {
  const draft = new EnvDraft(platform);
  for (const [name, value] of Object.entries(env)) draft.keep(name, value);
  applyOverlayTo(draft, overlay);
  return draft.toEnv();
};

const SET: EnvSet = { outcome: 'set', by: 'overlay' };
const REMOVED: EnvRemoved = { outcome: 'removed', by: 'overlay' };

/**
 * Applies an overlay to a draft.
 *
 * @param isDeclined true for a name whose value is not applied; its `null` still is
 */
export const applyOverlayTo = (
  draft: EnvDraft,
  overlay: EnvOverlay,
  isDeclined: (name: string) => boolean = () => false,
): void => {
  for (const [name, value] of Object.entries(overlay)) {
    if (value === null) draft.remove(name, REMOVED);
    else if (isDeclined(name)) draft.decline(name, 'keepLocale');
    else draft.set(name, value, SET);
  }
};

import * as z from 'zod/mini';
import type { Env, Platform } from './env.ts';
import type { EnvRemoved, EnvSet } from './env-decision.ts';
import { EnvDraft } from './env-draft.ts';
import { VariableValue, variables } from './variables.ts';

/** What goes on top of everything else: a value sets the name, `""` too; `null` removes it. */
export const EnvOverlay = variables(z.nullable(VariableValue), ['string', 'null']).check(
  z.describe('Variables laid over everything else, past every filter; `null` removes the name.'),
);
export type EnvOverlay = Readonly<z.output<typeof EnvOverlay>>;

/**
 * Lays an overlay over an environment: what the overlay names is as the overlay says, the rest is as it
 * was. Entries count in their order, which shows only on Windows, where two may spell one name.
 */
export const applyOverlay = (overlay: EnvOverlay, env: Env, platform: Platform): Env => {
  const draft = new EnvDraft(platform);
  for (const [name, value] of Object.entries(env)) draft.keep(name, value);
  layOverlay(draft, overlay);
  return draft.toEnv();
};

const SET: EnvSet = { outcome: 'set', by: 'overlay' };
const REMOVED: EnvRemoved = { outcome: 'removed', by: 'overlay' };

/**
 * The same as one step on a draft.
 *
 * @param givesWay the names whose values are not laid; their `null`s are
 */
export const layOverlay = (
  draft: EnvDraft,
  overlay: EnvOverlay,
  givesWay: (name: string) => boolean = () => false,
): void => {
  for (const [name, value] of Object.entries(overlay)) {
    if (value === null) draft.remove(name, REMOVED);
    else if (givesWay(name)) draft.decline(name, 'keepLocale');
    else draft.set(name, value, SET);
  }
};

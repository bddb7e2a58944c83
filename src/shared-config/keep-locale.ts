import type { EnvDraft } from './env-draft.ts';
import type { EnvOverlay } from './env-overlay.ts';
import { foldCase } from './fold-case.ts';

/**
 * Which variables of an overlay give way to the locale of a draft that the policy is done with. Where that
 * locale has UTF-8, all that name one do. Elsewhere only `LC_ALL` does, if the draft has none: it would
 * overrule every other variable of the locale, also the ones that the host has.
 *
 * A `null` of the overlay never gives way, and a variable that it removes doesn't count.
 */
export const givesWayTo = (draft: EnvDraft, overlay: EnvOverlay): ((name: string) => boolean) => {
  const keyOf = draft.platform === 'windows' ? foldCase : (name: string) => name;
  const removed = new Set(
    Object.entries(overlay).flatMap(([name, value]) => (value === null ? [keyOf(name)] : [])),
  );
  // POSIX takes an empty one for unset.
  const given = (name: string) => (removed.has(name) ? undefined : draft.get(name) || undefined);
  if (UTF_8.test(LOCALE_NAMES.map(given).find(value => value !== undefined) ?? '')) {
    return name => LOCALE_NAMES.includes(keyOf(name));
  }
  const replaceable = given('LC_ALL') !== undefined;
  return name => !replaceable && keyOf(name) === 'LC_ALL';
};

/** What decides which characters there are, from strongest to weakest. */
export const LOCALE_NAMES: readonly string[] = ['LC_ALL', 'LC_CTYPE', 'LANG'];

// `C.UTF-8`, `de_DE.utf8@euro`, and `UTF-8` alone, which macOS sends over ssh.
export const UTF_8 = /(?:^|\.)utf-?8(?:@|$)/i;

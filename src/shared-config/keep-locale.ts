import type { EnvDraft } from './env-draft.ts';
import type { EnvOverlay } from './env-overlay.ts';
import { foldCase } from './fold-case.ts';

/**
 * Returns a test for the overlay's locale variables that are not applied, so that the locale of the host stays. If the
 * draft, after the policy, has a UTF-8 locale, these are `LC_ALL`, `LC_CTYPE` and `LANG`. Otherwise it is `LC_ALL`
 * only, if the draft has none: it would override every other locale variable of the host.
 *
 * A `null` of the overlay is always applied, and a variable that it removes counts as unset.
 */
export const localeNamesToKeep = (draft: EnvDraft, overlay: EnvOverlay): ((name: string) => boolean) => {
  const keyOf = draft.platform === 'windows' ? foldCase : (name: string) => name;
  const removed = new Set(
    Object.entries(overlay).flatMap(([name, value]) => (value === null ? [keyOf(name)] : [])),
  );
  // POSIX treats an empty one as unset.
  const value = (name: string) => (removed.has(name) ? undefined : draft.get(name) || undefined);
  if (UTF_8.test(LOCALE_NAMES.map(value).find(text => text !== undefined) ?? '')) {
    return name => LOCALE_NAMES.includes(keyOf(name));
  }
  const hasLcAll = value('LC_ALL') !== undefined;
  return name => !hasLcAll && keyOf(name) === 'LC_ALL';
};

/** The variables of a locale that decide the character set, from strongest to weakest. */
export const LOCALE_NAMES: readonly string[] = ['LC_ALL', 'LC_CTYPE', 'LANG'];

// `C.UTF-8`, `de_DE.utf8@euro`, and `UTF-8` alone, which macOS sends over ssh.
export const UTF_8 = /(?:^|\.)utf-?8(?:@|$)/i;

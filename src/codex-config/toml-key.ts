import type { TomlPath } from './toml-document.ts';

/** Characters of one key that are shown at most. */
const MAX_SHOWN = 80;

/** A path as TOML writes dotted keys, on one line, with indices in brackets: `environments[1].env."a b"`. */
export const pathText = (path: TomlPath): string =>
  path
    .map((key, depth) =>
      typeof key === 'number' ? `[${key}]` : `${depth === 0 ? '' : '.'}${keyText(String(key))}`,
    )
    .join('');

/** A key as TOML writes it, shortened if it is long, with control characters escaped. */
export const keyText = (key: string): string => {
  if (/^[A-Za-z0-9_-]+$/.test(key) && key.length <= MAX_SHOWN) return key;
  // A character is one or two code units.
  const shown = Array.from(key.slice(0, 2 * MAX_SHOWN))
    .slice(0, MAX_SHOWN)
    .join('');
  return JSON.stringify(shown.length < key.length ? `${shown}…` : key);
};

/**
 * Folds the case of a name: names that differ only in case become equal.
 *
 * Each code point becomes its Unicode upper case, independent of the locale, if that is a single code point; otherwise
 * it stays. So `ä` equals `Ä`, `ß` does not equal `SS`, and the result has as many code points as the name.
 */
export const foldCase = (name: string): string => {
  const upper = name.toUpperCase();
  // Upper case is never shorter, so an equal length means that no character became several.
  return upper.length === name.length ? upper : Array.from(name, foldCharacter).join('');
};

const foldCharacter = (character: string): string => {
  const upper = character.toUpperCase();
  return upper.length === character.length ? upper : character;
};

/** The number of UTF-16 code units of the code point at `index`; an unpaired surrogate counts as one. */
export const codePointLength = (text: string, index: number): 1 | 2 =>
  (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1;

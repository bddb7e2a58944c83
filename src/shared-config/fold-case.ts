/**
 * The form of a name in which two names that differ by case only are equal.
 *
 * Each code point becomes its Unicode upper case, in every locale alike, if that is a single code point,
 * and stays as it is otherwise. So `ä` equals `Ä`, but `ß` does not equal `SS`, and the result has as many
 * code points as the name.
 */
export const foldCase = (name: string): string => {
  const upper = name.toUpperCase();
  // Upper case is never shorter, so with an equal length no character of the name has become several.
  return upper.length === name.length ? upper : Array.from(name, foldCharacter).join('');
};

const foldCharacter = (character: string): string => {
  const upper = character.toUpperCase();
  return upper.length === character.length ? upper : character;
};

/** How many UTF-16 code units the code point at `index` takes; an unpaired surrogate counts as one. */
export const codePointLength = (text: string, index: number): 1 | 2 =>
  (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1;

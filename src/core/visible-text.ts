/**
 * Text as one line that is safe to show and to copy: what would move a cursor, change colours or the
 * direction of writing, or can't be seen, is written as an escape of JSON; quotes and backslashes, too.
 */
export const escaped = (text: string): string => JSON.stringify(text).slice(1, -1).replace(HIDDEN, asEscape);

/** A line of a program's output that is safe to show: as `escaped`, but quotes, backslashes and tabs stay. */
export const visibleLine = (line: string): string =>
  line.replace(CONTROL, asEscape).replace(HIDDEN, asEscape);

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\x00-\x08\x0a-\x1f]/g;

// What JSON.stringify leaves as it is: delete and C1 controls, and the invisible and bidirectional formatting.
const HIDDEN = /[\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

const asEscape = (character: string): string =>
  `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;

/**
 * Text that is safe to show on a terminal. Control characters, bidirectional marks, invisible characters and lone
 * surrogates are written as escapes of JSON (`\u001b`, `\u202e`); line feeds and tabs stay. Idempotent.
 */
export const printable = (text: string): string =>
  text.replace(UNPRINTABLE, character => (character === '\n' ? character : escapeUnlessTab(character)));

/** One line that is safe to show: as `printable`, with line feeds escaped, so that text cannot forge a second line. */
export const printableLine = (text: string): string => text.replace(UNPRINTABLE, escapeUnlessTab);

/** One line that is safe to show and to copy into quotes: as `printableLine`, with quotes, backslashes and tabs escaped. */
export const printableQuoted = (text: string): string => printableJson(text).slice(1, -1);

/** One line of JSON that is safe to show, with the same value as `JSON.stringify` gives. */
export const printableJson = (value: unknown): string =>
  JSON.stringify(value).replace(UNPRINTABLE, asEscapes);

// Control (Cc), format (Cf: bidirectional marks, zero-width characters, tags), surrogates without a partner (Cs), line
// and paragraph separators, and what has no width without being one of these: fillers, joiners, Mongolian selectors.
const UNPRINTABLE =
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: each of them is looked for alone
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufff0-\ufff8]/gu;

const escapeUnlessTab = (character: string): string =>
  character === '\t' ? character : asEscapes(character);

/** One escape for each UTF-16 code unit, as in JSON. */
const asEscapes = (character: string): string =>
  Array.from({ length: character.length }, (_, at) => character.charCodeAt(at))
    .map(unit => `\\u${unit.toString(16).padStart(4, '0')}`)
    .join('');

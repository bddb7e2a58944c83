/**
 * Escapes text for a terminal. Control characters, bidirectional marks, invisible characters and lone surrogates become
 * escapes of JSON (`\u001b`, `\u202e`); line feeds and tabs stay. Idempotent.
 */
export const printable = (text: string): string =>
  text.replace(UNPRINTABLE, character => (character === '\n' ? character : escapeUnlessTab(character)));

/** Escapes text like `printable`, and line feeds as well, so that it cannot forge a second line. */
export const printableLine = (text: string): string => text.replace(UNPRINTABLE, escapeUnlessTab);

/** Escapes text like `printableLine`, and quotes, backslashes and tabs as well, for use between double quotes. */
export const printableQuoted = (text: string): string => printableJson(text).slice(1, -1);

/** Serializes a value like `JSON.stringify`, as one line that is safe to show. */
export const printableJson = (value: unknown): string =>
  JSON.stringify(value).replace(UNPRINTABLE, asEscapes);

// Control (Cc), format (Cf: bidirectional marks, zero-width characters, tags), surrogates without a partner (Cs), line
// and paragraph separators, and other characters without a width: fillers, joiners, Mongolian selectors.
const UNPRINTABLE =
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: each character is matched by itself
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufff0-\ufff8]/gu;

const escapeUnlessTab = (character: string): string =>
  character === '\t' ? character : asEscapes(character);

/** Returns one escape for each UTF-16 code unit, as in JSON. */
const asEscapes = (character: string): string =>
  Array.from({ length: character.length }, (_, at) => character.charCodeAt(at))
    .map(unit => `\\u${unit.toString(16).padStart(4, '0')}`)
    .join('');
